import { openLoadSite } from '../test/faults/load/many-runs.ts';

/**
 * Many runs against one server under a quota: `npm run soak -- --runs 1000 --at-once 200 --rate 500`. It fails where a run fails, and where
 * tokens, leases or temporary files are left. `$VAULTONCE_BIN` names another program.
 */

const args = process.argv.slice(2);
const numberAfter = (flag: string, otherwise: number): number => {
  const at = args.indexOf(flag);
  return at === -1 ? otherwise : Number(args[at + 1]);
};

const runs = numberAfter('--runs', 1000);
const atOnce = numberAfter('--at-once', 8);
const rate = numberAfter('--rate', 200);
const site = await openLoadSite(rate);
const startMs = performance.now();
const { codes, failures, retries, left } = await site.run(runs, atOnce);
await site.stop();
const seconds = (performance.now() - startMs) / 1000;
for (const stderr of failures.slice(0, 3)) console.log(stderr);
console.log(
  `${String(runs)} runs, ${String(atOnce)} at once, ${seconds.toFixed(1)} s; ${String(retries)} retries; exit codes ${JSON.stringify(codes)}; left: ${JSON.stringify(left)}`,
);
const isClean = failures.length === 0 && Object.values(left).every((count) => count === 0);
console.log(isClean ? '1 passed, 0 failed' : '0 passed, 1 failed');
process.exitCode = isClean ? 0 : 1;
