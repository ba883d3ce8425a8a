import { startApp, type TestApp, type TestConfig } from './app.ts';
import type { CliResult } from './cli.ts';
import { startStandIn, type Answer, type SeenRequest, type StandIn } from './stand-in.ts';

/** A login that was posted to the server, and what became of the run. */
export interface SeenLogin {
  readonly result: CliResult;
  /** `auth/aws/login`; undefined when none was posted. */
  readonly path: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
  /** The server, as `vault.address` had it. */
  readonly address: string;
}

/**
 * A server without the plug-ins of the clouds, behind a stand-in that accepts any login with a real token and passes
 * everything else on.
 */
export interface CloudApp {
  readonly app: TestApp;
  login(
    auth: TestConfig | readonly TestConfig[],
    env?: Record<string, string>,
    args?: readonly string[],
  ): Promise<SeenLogin>;
  stop(): Promise<void>;
}

export async function startCloudApp(): Promise<CloudApp> {
  const app = await startApp();
  await app.putKv2('a', { key: 'value' });
  return {
    app,
    async login(auth, env = {}, args = []) {
      const created = await app.server.api.post('auth/token/create', { policies: ['app'], ttl: '5m' });
      const server = await startStandIn({
        target: app.server.address,
        answer: ({ path }) =>
          /^auth\/.*login/.test(path) && !path.startsWith('auth/approle')
            ? { status: 200, body: { auth: created.auth } }
            : 'forward',
      });
      try {
        const { address } = server;
        const result = await app.render(
          {
            vault: { address },
            auth,
            secrets: { a: 'secret/a' },
            outputs: [{ path: 'a.txt', contents: '{{a.key}}' }],
          },
          ['--log-level', 'debug', ...args],
          { env },
        );
        const posted = server.seen.find(({ path }) => /^auth\/.*login/.test(path));
        const body = JSON.parse(posted?.body ?? '{}') as Record<string, unknown>;
        return { result, path: posted?.path, body, address };
      } finally {
        await server.stop();
      }
    },
    stop: () => app.stop(),
  };
}

/** A service of a cloud, for as long as the work takes. */
export async function withService(
  answer: (request: SeenRequest, nth: number) => Answer,
  work: (service: StandIn) => Promise<void>,
): Promise<void> {
  const service = await startStandIn({ answer });
  try {
    await work(service);
  } finally {
    await service.stop();
  }
}

/** What a field of a login holds in base64. */
export function decoded(value: unknown): string {
  return Buffer.from(String(value), 'base64').toString('utf8');
}
