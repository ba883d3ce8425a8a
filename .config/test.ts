import { once } from 'node:events';
import { accessSync, constants, globSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { needsDriver } from '../test/support/csi-driver.ts';
import { memoryDirectory } from '../test/support/places.ts';
import { serverFacts } from '../test/support/server-facts.ts';
import { SetupFault } from '../test/support/setup-fault.ts';
import { root } from './paths.ts';
import { standaloneBinary } from './targets.ts';

/**
 * Runs the tests; arguments are parts of file names. Prints what failed, what was left out and why, and `N passed, N failed` on
 * the last line. `--standalone` runs what spawns the program against the binary instead of Node, `--both` does the one
 * after the other. `--again` leaves out what would only repeat what another user has run.
 */

const STANDALONE = '--standalone';
const BOTH = '--both';
const AGAIN = '--again';
/** What the standalone binary cannot be tested by: everything else that spawns the program runs against it, too. */
const ONLY_ON_NODE: Readonly<Record<string, string>> = {
  'test/cli/bundle.test.ts': 'is about the package for Node',
  'test/cli/deprecations.test.ts': 'is about programs that it builds',
  'test/csi/harness.test.ts': 'is about the driver of the tests',
  'test/faults/steps.test.ts': 'counts steps, which only Node lets a test do',
  'test/real/engines-bounds.test.ts': 'is about Node',
  'test/real/image-build.test.ts': 'is about the images',
  'test/real/image.test.ts': 'is about the images, of which one has the standalone binary',
  'test/real/test-server.test.ts': 'is about the server of the tests',
};
/** What neither the program's runtime nor its user changes. */
const ONLY_ONCE: Readonly<Record<string, string>> = {
  'test/cli/launcher.test.ts': 'is about a script',
  'test/cli/npm-package.test.ts': 'is about what npm makes of packages',
  'test/cli/release.test.ts': 'is about what is made of the builds',
};
/** What may be left out where CI is set, too: by user, server or program. Whatever else is left out fails there. */
const MAY_BE_LEFT_OUT =
  /^(?:needs root|needs a passwd entry|needs buildah|needs kubectl|needs the admission code|needs Go|needs Node\.js [\d.]+, which cannot be installed|not on HashiCorp Vault)/;

const args = process.argv.slice(2);
const wanted = args.filter((arg) => !arg.startsWith('--'));
const files = globSync('test/**/*.test.ts', { cwd: root })
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();

const inCi = (process.env['CI'] ?? '') !== '';
const durations: { readonly name: string; readonly ms: number }[] = [];
const reasons = new Map<string, number>();
let passed = 0;
let failed = 0;

const fail = (name: string, file: string, reason: unknown): void => {
  failed += 1;
  console.log(`\nFAILED ${name} (${file})\n${textOf(reason)}\n`);
};

function textOf(reason: unknown): string {
  if (typeof reason === 'string') return reason;
  // What a test process throws arrives here without its class.
  return reason instanceof Error && reason.name === 'SetupFault' ? reason.message : inspect(reason);
}

const isSuite = (details: object): boolean => 'type' in details && details.type === 'suite';

async function pass(names: readonly string[]): Promise<void> {
  // A test spawns a server and the program itself: more files at once than this only wait for each other.
  const silence = new AbortController();
  const stream = run({
    files: names.map((file) => join(root, file)),
    concurrency: 4,
    timeout: 60_000,
    cwd: root,
    signal: silence.signal,
  });

  // A file that leaves a handle open passes its tests and never ends; the time limit of a test doesn't see that.
  const watchdog = setTimeout(() => {
    silence.abort();
  }, 180_000);
  stream.on('data', () => watchdog.refresh());

  // A test with subtests comes right after the last of them, in the order of its file.
  const lastNesting = new Map<string, number>();
  const isParent = (file: string, nesting: number): boolean => {
    const deeper = (lastNesting.get(file) ?? 0) > nesting;
    lastNesting.set(file, nesting);
    return deeper;
  };

  stream.on('test:pass', ({ name, file = '', nesting, details, skip, todo }) => {
    const hadSubtests = isParent(file, nesting);
    if (skip !== undefined || todo !== undefined) {
      leftOut(name, relative(root, file), skip);
      return;
    }
    if (hadSubtests || isSuite(details)) return;
    if (name === file) {
      fail(name, relative(root, file), 'declares no tests');
      return;
    }
    passed += 1;
    durations.push({ name, ms: details.duration_ms });
  });
  stream.on('test:fail', ({ name, file = '', nesting, details }) => {
    lastNesting.set(file, nesting);
    // A suite, or a test with subtests, fails because of those, which are counted themselves.
    if ((details.error as { failureType?: string }).failureType === 'subtestsFailed') return;
    fail(name, relative(root, file), details.error.cause);
  });
  stream.on('test:stderr', ({ message }) => process.stdout.write(message));
  stream.on('test:stdout', ({ message }) => process.stdout.write(message));

  stream.resume();
  await once(stream, 'end');
  clearTimeout(watchdog);
  if (silence.signal.aborted) fail('the run', '', 'nothing happened for 3 minutes: a file does not end');
}

function leftOut(name: string, file: string, reason: boolean | string | undefined): void {
  const why = typeof reason === 'string' ? reason : 'without a reason';
  if (inCi && !MAY_BE_LEFT_OUT.test(why)) {
    fail(name, file, `left out, ${why}, which is not allowed where CI is set`);
    return;
  }
  console.log(`left out: ${name} (${file}): ${why}`);
  reasons.set(why, (reasons.get(why) ?? 0) + 1);
}

/** The tests that spawn the program: those of pure stages would only repeat themselves. */
function standaloneFiles(): string[] {
  const spawning = files.filter((file) => !file.startsWith('test/unit/'));
  return without({ ...ONLY_ON_NODE, ...ONLY_ONCE }, spawning, 'of the standalone tests');
}

function without(
  reasonsByFile: Readonly<Record<string, string>>,
  names: readonly string[],
  what: string,
): string[] {
  for (const file of names) {
    const why = reasonsByFile[file];
    if (why !== undefined) console.log(`left out ${what}: ${file} ${why}`);
  }
  return names.filter((file) => reasonsByFile[file] === undefined);
}

/** The program says so when a directory of PATH may not be entered, which only a test of its own should make it say. */
function leaveForbiddenDirectories(): void {
  const mayEnter = (directory: string): boolean => {
    try {
      accessSync(directory, constants.X_OK);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'EACCES';
    }
  };
  process.env['PATH'] = (process.env['PATH'] ?? '').split(delimiter).filter(mayEnter).join(delimiter);
}

/** Looks once for what nearly every file needs, so that it is not missed in each of them. */
async function setUp(): Promise<void> {
  leaveForbiddenDirectories();
  memoryDirectory();
  if (!files.some((file) => /^test\/(?:real|faults|csi)\//.test(file))) return;
  const { name } = await serverFacts();
  console.log(`the server is ${name}`);
  // Building it the first time takes longer than a test may.
  if (files.some((file) => file.startsWith('test/csi/'))) await needsDriver(console.log);
}

async function runAll(): Promise<void> {
  await setUp();
  if (!args.includes(STANDALONE))
    await pass(args.includes(AGAIN) ? without(ONLY_ONCE, files, 'the second time') : files);
  if (args.includes(STANDALONE) || args.includes(BOTH)) {
    process.env['VAULTONCE_BIN'] ??= standaloneBinary();
    console.log(`tests of ${process.env['VAULTONCE_BIN']}`);
    await pass(standaloneFiles());
  }
  if (passed + failed === 0 && reasons.size === 0) fail('no tests', wanted.join(' '), 'no file matches');
}

try {
  await runAll();
} catch (error) {
  if (!(error instanceof SetupFault)) throw error;
  failed += 1;
  console.log(error.message);
}
const slowest = durations.sort((a, b) => b.ms - a.ms).slice(0, 5);
for (const { name, ms } of slowest) console.log(`${(ms / 1000).toFixed(1)} s  ${name}`);
for (const [why, count] of reasons) console.log(`${String(count)} left out: ${why}`);
console.log(`${String(passed)} passed, ${String(failed)} failed`);
process.exitCode = failed === 0 ? 0 : 1;
