import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';

/**
 * Runs the tests; arguments are parts of file names. Prints what failed, and `N passed, N failed` on the last line.
 * A skipped test counts as failed where CI is set: there, nothing may be left out.
 */

const root = join(import.meta.dirname, '..');
const wanted = process.argv.slice(2);
const files = globSync('test/**/*.test.ts', { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
  .map((file) => join(root, file));

const inCi = (process.env['CI'] ?? '') !== '';
const durations: { readonly name: string; readonly ms: number }[] = [];
let passed = 0;
let failed = 0;

const fail = (name: string, file: string, reason: unknown): void => {
  failed += 1;
  console.log(`\nFAILED ${name} (${file})\n${typeof reason === 'string' ? reason : inspect(reason)}\n`);
};

// A test spawns a server and the program itself: more files at once than this only wait for each other.
const stream = run({ files, concurrency: 4, timeout: 120_000, cwd: root });
const isSuite = (details: object): boolean => 'type' in details && details.type === 'suite';

stream.on('test:pass', ({ name, file = '', details, skip, todo }) => {
  if (isSuite(details)) return;
  if (inCi && (skip !== undefined || todo !== undefined)) {
    fail(name, relative(root, file), 'skipped, which is not allowed where CI is set');
    return;
  }
  passed += 1;
  durations.push({ name, ms: details.duration_ms });
});
stream.on('test:fail', ({ name, file = '', details }) => {
  // A suite fails because of its tests, which are counted themselves; a file that does not load has none.
  if (
    isSuite(details) &&
    details.error.cause !== undefined &&
    String(details.error.message).includes('subtest')
  )
    return;
  fail(name, relative(root, file), details.error.cause);
});
stream.on('test:stderr', ({ message }) => process.stdout.write(message));
stream.on('test:stdout', ({ message }) => process.stdout.write(message));

// The events above do the work; this waits for the last of them.
for await (const event of stream) void event;

if (passed + failed === 0) fail('no tests', wanted.join(' '), 'no file matches');
const slowest = durations.sort((a, b) => b.ms - a.ms).slice(0, 5);
console.log(slowest.map(({ name, ms }) => `${(ms / 1000).toFixed(1)} s  ${name}`).join('\n'));
console.log(`${String(passed)} passed, ${String(failed)} failed`);
process.exitCode = failed === 0 ? 0 : 1;
