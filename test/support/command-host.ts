import { createChild, forwardSignals } from '../../src/watch/child.ts';
import { createLog } from '../../src/host/log.ts';
import { createScope } from '../../src/host/scope.ts';

/**
 * A process with a command as its child, on the runtime that it is started with: does what lines of JSON on stdin say. What it
 * logs, and what comes of it, is JSON on stderr. Arguments: stopMs, settleMs, and the command.
 */

interface Order {
  readonly start?: { readonly env: Record<string, string>; readonly masks?: readonly string[] };
  readonly restart?: { readonly env: Record<string, string>; readonly reason: string };
  readonly stop?: NodeJS.Signals;
  readonly forward?: { readonly hangsUp: boolean };
}

const [stopMs, settleMs, file = '', ...args] = process.argv.slice(2);
const say = (text: string): boolean => process.stderr.write(text);
const log = createLog({
  level: 'debug',
  format: 'json',
  colours: false,
  stderr: { offer: say },
  progress: undefined,
});
const scope = createScope({ env: {}, log, random: Math.random, now: () => performance.now() }, process.pid);
const child = createChild(
  { file, args: [file, ...args] },
  { stopMs: Number(stopMs), settleMs: Number(settleMs), scope },
);
const report = (what: object): boolean => say(`${JSON.stringify(what)}\n`);
const failure = (error: unknown): object => ({ failed: (error as Error).message });

child.ended.then(
  (ended) => report({ ended }),
  (error: unknown) => report(failure(error)),
);

async function obey({ start, restart, stop, forward }: Order): Promise<void> {
  try {
    if (start !== undefined) await child.start(start.env, start.masks);
    if (restart !== undefined) child.restart(restart.env, restart.reason);
    if (forward !== undefined) forwardSignals(child, forward.hangsUp);
    if (stop !== undefined) report({ stopped: await child.stop(stop), restarts: child.restarts });
    if (forward !== undefined) report({ forwards: true });
  } catch (error) {
    report(failure(error));
  }
}

let rest = '';
process.stdin.on('data', (chunk) => {
  const lines = (rest + String(chunk)).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) void obey(JSON.parse(line) as Order);
});
