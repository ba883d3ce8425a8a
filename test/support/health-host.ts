import { RunError } from '../../src/base/errors.ts';
import { openHealth } from '../../src/watch/health/health-server.ts';
import { watchPages } from '../../src/watch/health/watch-pages.ts';
import { quietScope } from './quiet-scope.ts';

/** Serves health on the runtime that it is started with, until SIGTERM. Arguments: the address, and where it is written. */
const [address = '', where = ''] = process.argv.slice(2);
const secret = { name: 'db', isStale: true, nextAction: 'fetch', renewals: 0, rotations: 0 } as const;
const times = { lastSuccessAtS: undefined, endsAtS: undefined, nextAtS: undefined };
const none = { logins: 0, tokenRenewals: 0, requests: 0, writes: 0, handlersTold: 0, handlerFailures: 0 };

try {
  const status = () => ({
    isAlive: true,
    isReady: true,
    startedAtS: 0,
    secrets: [{ ...secret, ...times }],
    failingHandlers: [],
    counts: { ...none, restarts: undefined, errors: new Map() },
  });
  const health = await openHealth(address, watchPages(status), where, {
    ...quietScope(),
    run: { pid: process.pid, id: String(process.pid) },
  });
  process.on('SIGTERM', () => {
    void health[Symbol.asyncDispose]();
  });
  process.stdout.write('ready\n');
} catch (error) {
  if (!(error instanceof RunError)) throw error;
  process.stdout.write(JSON.stringify(error.failures));
}
