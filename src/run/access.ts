import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import type { Http2Sessions } from '../http/http2-sessions.ts';
import { prepareLogin } from '../session/prepare.ts';
import { openSession, type Session } from '../session/session.ts';
import { createClient, type VaultClient, type WireCounters } from '../vault/client.ts';
import type { Pace } from '../vault/pace.ts';
import { createSender, paceOf, type Sender } from '../vault/sender.ts';

/** A way in: who is logged in to a server, and sends requests to it. */
export interface Access {
  readonly session: Session;
  readonly sender: Sender;
  /**
   * The same for a run that is not alone: its requests are counted, logged and ended by its own scope, and the token is
   * not its to give back. The leases of such a run are revoked one by one if it fails.
   */
  share(scope: Scope): Access;
}

/** An access that ends: the token is given back. */
export interface OwnAccess extends Access, AsyncDisposable {}

/** Everything that a login needs has been read; nothing has been requested yet. Its connections end with it. */
export interface PreparedAccess {
  /** What has been sent so far, by the login as well. */
  readonly counters: WireCounters;
  /** @throws RunError `auth` for a refusal, `unavailable` for an outage */
  open(): Promise<OwnAccess>;
  [Symbol.dispose](): void;
}

type AccessConfig = Pick<Config, 'auth' | 'server' | 'concurrency' | 'revoke'>;

/**
 * Reads the credentials, so that a missing one shows before anything is requested.
 * @param expected requests, as far as they are known
 * @throws RunError `config`
 */
export async function prepareAccess(
  config: AccessConfig,
  scope: Scope,
  expected: number,
  ahead?: Http2Sessions,
): Promise<PreparedAccess> {
  const login = await prepareLogin(config, scope);
  const client = await createClient(login.server, { most: config.concurrency, expected }, scope, ahead);
  const pace = paceOf(config.server, scope);
  const sender = createSender(client, config.server, scope, pace);
  return {
    counters: sender.counters,
    async open() {
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
  const prepared = await prepareAccess(config, scope, 1);
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
    share: (scope) =>
      accessOf({ ...parts, session: borrowed(session) }, createSender(client, config.server, scope, pace)),
  };
}

/** A token that others use as well. */
function borrowed(session: Session): Session {
  const stays = (): Promise<void> => Promise.resolve();
  return Object.create(session, {
    revocable: { value: false },
    revoked: { value: false },
    giveBack: { value: stays },
    keep: { value: stays },
    [Symbol.asyncDispose]: { value: stays },
  }) as Session;
}
