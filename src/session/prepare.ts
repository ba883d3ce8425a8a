import { loadMethod } from '../auth/index.ts';
import type { AuthIo, AuthMethod, Login, LoginContext } from '../auth/method.ts';
import { RunError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { AuthConfig, Config, LoginPlace } from '../config/config.ts';
import { AbsentCredential } from '../host/credential-files.ts';
import { withPipes } from '../host/input-file.ts';
import type { ServerSettings, TlsSettings } from '../http/server.ts';

/** A login that is ready to be posted: all credentials have been read. */
export interface PreparedLogin {
  /** The method's name. */
  readonly name: AuthConfig['method'];
  readonly method: Omit<AuthMethod, 'fields' | 'login'>;
  readonly namespace: string | undefined;
  /** For messages: `auth/kubernetes/login`, or where the given token came from. */
  readonly path: string;
  readonly first: Login;
  /** The server, with the client certificate of the method if it logs in by one. */
  readonly server: ServerSettings;
  /** Reads the credentials again. */
  again(): Login | Promise<Login>;
}

/**
 * Finds the first method whose credentials exist, and reads them, so that a missing one is reported before any request.
 * @param credential an identity token to log in with, in place of the configured one
 * @throws RunError `config` with what each method lacks, if none has its credentials
 */
export async function prepareLogin(
  { auth, server, loginPlaces }: Pick<Config, 'auth' | 'server' | 'loginPlaces'>,
  io: AuthIo,
  credential?: Secret,
): Promise<PreparedLogin> {
  const absent: RunError[] = [];
  for (const config of auth) {
    try {
      return await prepareMethod(config, { server, credential, place: loginPlaces.get(config) }, io);
    } catch (error) {
      if (!(error instanceof AbsentCredential)) throw error;
      absent.push(error);
    }
  }
  throw new RunError(absent.flatMap(({ failures }) => failures));
}

/** The environment variables that a run may log in with. */
export async function credentialVariables({ auth }: Pick<Config, 'auth'>): Promise<readonly string[]> {
  const ofEach = auth.map(async (config) => (await loadMethod(config.method)).variables?.(config) ?? []);
  return (await Promise.all(ofEach)).flat();
}

interface Around {
  readonly server: ServerSettings;
  /** Undefined: nowhere, it is the default. */
  readonly place: LoginPlace | undefined;
}

/** Where a method names its own certificate. */
function certificateFields(place: LoginPlace | undefined): TlsSettings['fields'] {
  const [cert, key] = ['client_cert', 'client_key'].map((field) => place?.of(field) ?? `auth.${field}`);
  return { clientCert: cert ?? '', clientKey: key ?? '' };
}

/** What a method says of its fields as `auth.FIELD`: it does not know where they are declared. */
async function placed<T>(place: LoginPlace | undefined, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (place === undefined || !(error instanceof RunError)) throw error;
    const failures = error.failures.map(({ where, ...failure }) => ({
      ...failure,
      where: placeIn(place, where),
    }));
    throw error instanceof AbsentCredential
      ? new AbsentCredential(failures)
      : new RunError(failures, error.exitCode);
  }
}

function placeIn(place: LoginPlace, where: string | undefined): string | undefined {
  const inAuth = /^auth(?:\.(\w+))?$/.exec(where ?? '');
  return inAuth === null ? where : place.of(inAuth[1]);
}

async function prepareMethod(
  config: AuthConfig,
  { server, credential, place }: LoginContext & Around,
  io: AuthIo,
): Promise<PreparedLogin> {
  const method = await loadMethod(config.method);
  const login = (): Promise<Login> =>
    placed(place, () => withPipes(io.signal, () => method.login(config, io, { server, credential })));
  const own = method.clientCertificate?.(config);
  const fields = own?.clientCert === undefined ? {} : certificateFields(place);
  const tls = { ...server.tls, ...own, fields: { ...server.tls.fields, ...fields } };
  if (method.clientCertificate !== undefined)
    await placed(place, () => {
      checkCertificate(tls, server);
    });
  const first = await login();
  return {
    name: config.method,
    method,
    namespace: config.namespace ?? server.namespace,
    path:
      first.kind === 'login'
        ? `auth/${first.path}`
        : first.source.replace(/^auth(?=\.)/, place?.name ?? 'auth'),
    first,
    server: { ...server, tls },
    again: login,
  };
}

/** A certificate is presented in the TLS handshake or not at all. */
function checkCertificate({ clientCert }: TlsSettings, { address }: ServerSettings): void {
  if (clientCert === undefined) {
    throw new AbsentCredential('config', 'no client certificate to log in with', {
      where: 'auth',
      hint: 'set auth.client_cert and auth.client_key, or those of vault.tls, $VAULT_CLIENT_CERT and $VAULT_CLIENT_KEY',
    });
  }
  if (address.startsWith('https:')) return;
  throw new RunError('config', 'a login with a certificate needs TLS, and the address starts with http://', {
    where: 'vault.address',
    hint: 'write https:// in the address',
  });
}
