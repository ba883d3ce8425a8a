import type { Secret } from '../base/secret.ts';
import type { Config } from '../config/config.ts';
import { withPipes } from '../host/input-file.ts';
import type { Scope } from '../host/scope.ts';
import { openWire } from '../http/open.ts';
import type { Wire } from '../http/wire.ts';
import { prepareLogin, type PreparedLogin } from '../session/prepare.ts';
import { openSession, type Session } from '../session/session.ts';
import { createClient, type VaultClient, type WireCounters } from '../vault/client.ts';
import type { Pace } from '../vault/pace.ts';
import { createSender, paceOf, type Sender, type SenderSettings } from '../vault/sender.ts';

/** Access to a server: a session, and a sender of requests. */
export interface Access {
  readonly session: Session;
  readonly sender: Sender;
  /**
   * The same access for one of several runs: its requests are counted, logged and ended by its own scope, and it does not
   * give the token back. If it fails, its leases are revoked one by one.
   * @param settings of its requests; by default those of the config
   */
  share(scope: Scope, settings?: SenderSettings): Access;
  /** Resolves once the requests begun so far are on their way, so that other work does not delay them. */
  flush(): Promise<void>;
}

/** An access that gives its token back when disposed. */
export interface OwnAccess extends Access, AsyncDisposable {}

/** A login whose credentials are read; nothing has been requested yet. Disposing closes its connections. */
export interface PreparedAccess {
  readonly login: PreparedLogin;
  /** The traffic so far, including the login. */
  readonly counters: WireCounters;
  /**
   * Logs in.
   * @param expected number of requests after the login, if it is known
   * @throws RunError `auth` for a refusal, `unavailable` for an outage
   */
  open(expected?: number): Promise<OwnAccess>;
  [Symbol.dispose](): void;
}

type AccessConfig = Pick<Config, 'auth' | 'loginPlaces' | 'server' | 'concurrency' | 'revoke'>;

/**
 * Reads the credentials, so that a missing one is reported before any request.
 * @param opened a wire to this server that is open already
 * @param credential an identity token to log in with, in place of the configured one
 * @throws RunError `config`
 */
export async function prepareAccess(
  config: AccessConfig,
  scope: Scope,
  opened?: Wire,
  credential?: Secret,
): Promise<PreparedAccess> {
  const login = await prepareLogin(config, scope, credential);
  const wire =
    opened ?? (await withPipes(scope.signal, () => openWire(login.server, config.concurrency, scope)));
  const client = createClient(login.server, wire, scope);
  const pace = paceOf(config.server, scope);
  const sender = createSender(client, config.server, scope, pace);
  return {
    login,
    counters: sender.counters,
    async open(expected) {
      if (expected !== undefined) wire.connect({ requests: expected });
      const session = await openSession(login, config.revoke, sender, scope);
      const access = accessOf({ session, client, config, pace }, sender);
      return { ...access, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
    },
    [Symbol.dispose]() {
      client[Symbol.dispose]();
    },
  };
}

/**
 * Logs in.
 * @throws RunError `config`, `auth`, `unavailable`
 */
export async function openAccess(config: AccessConfig, scope: Scope): Promise<OwnAccess> {
  const prepared = await prepareAccess(config, scope);
  try {
    const access = await prepared.open();
    return {
      ...access,
      async [Symbol.asyncDispose]() {
        await access[Symbol.asyncDispose]();
        prepared[Symbol.dispose]();
      },
    };
  } catch (error) {
    prepared[Symbol.dispose]();
    throw error;
  }
}

interface Parts {
  readonly session: Session;
  readonly client: VaultClient;
  readonly config: AccessConfig;
  readonly pace: Pace;
}

function accessOf(parts: Parts, sender: Sender): Access {
  const { session, client, config, pace } = parts;
  return {
    session,
    sender,
    flush: () => client.flush(),
    share: (scope, settings = config.server) =>
      accessOf({ ...parts, session: borrowed(session) }, createSender(client, settings, scope, pace)),
  };
}

/** The session of a token that other runs use as well. */
function borrowed(session: Session): Session {
  const stays = (): Promise<void> => Promise.resolve();
  return Object.create(session, {
    revocable: { value: false },
    revoked: { value: false },
    giveBack: { value: stays },
    keepAlive: { value: stays },
    [Symbol.asyncDispose]: { value: stays },
  }) as Session;
}
