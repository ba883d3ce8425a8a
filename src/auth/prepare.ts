import type { AuthConfig, Config } from '../config/config.ts';
import type { Io } from '../io.ts';
import { AUTH_METHODS } from './index.ts';
import type { AuthMethod, Login } from './method.ts';

/** A login that is ready to be posted: every credential has been found and read. */
export interface PreparedLogin {
  /** The method's name. */
  readonly name: AuthConfig['method'];
  readonly method: Omit<AuthMethod, 'schema' | 'login'>;
  /** Below `auth/`, without slashes around it. */
  readonly mount: string;
  readonly namespace: string | undefined;
  /** For messages: `auth/kubernetes/login`, or where the given token came from. */
  readonly path: string;
  readonly first: Login;
  /** Reads the credentials again. */
  again(): Login;
}

/**
 * Reads the credentials, so that a missing one is told before any request.
 * @throws RunError `config`
 */
export function prepareLogin({ auth, server }: Config, io: Pick<Io, 'env'>): PreparedLogin {
  // The registry pairs each config with its own method; the compiler cannot see that through the lookup.
  const method = AUTH_METHODS[auth.method] as unknown as AuthMethod;
  const login = (): Login => method.login(auth, io);
  const first = login();
  const mount = 'mount' in auth ? auth.mount : auth.method;
  return {
    name: auth.method,
    method,
    mount,
    namespace: auth.namespace ?? server.namespace,
    path: first.kind === 'login' ? `auth/${mount}/${first.path}` : first.source,
    first,
    again: login,
  };
}
