import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import {
  COMMAND,
  failuresOf,
  IS_STANDALONE,
  logLines,
  type CliResult,
  type LogLine,
} from '../support/cli.ts';
import { needsOwnNames } from '../support/needs.ts';

/** What the kubelet shows of a log. https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/ */
const SHOWN_BYTES = 2048;
const MIB = 1024 * 1024;

interface Summary extends LogLine {
  readonly failures: number;
  readonly summary: string;
  readonly peak_memory_bytes: number;
}

/** What a run in a container says about itself to whoever sees little of it. */
describe('in containers', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('app', { password: 'canary-of-the-app' });
  });
  after(() => app.stop());

  const config: TestConfig = {
    secrets: { app: 'secret/app' },
    outputs: [{ path: 'password', value: 'app#password' }],
  };
  const lastLine = ({ stderr }: CliResult): string => stderr.trimEnd().split('\n').at(-1) ?? '';

  test('the last line of a failed run says on its own what went wrong', async () => {
    const missing = Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`none_${String(index)}`, `secret/none/${String(index)}`]),
    );
    const many = { ...config, secrets: { ...missing, app: 'secret/app', denied: 'forbidden/x' } };
    const result = await app.render(many);
    assert.equal(result.code, 5, result.stderr);
    assert.equal(failuresOf(result).length, 61);
    const line = lastLine(result);
    assert.ok(Buffer.byteLength(line) < SHOWN_BYTES, line);
    const told = JSON.parse(line) as Summary;
    assert.deepEqual([told.event, told.level, told.exit_code, told.failures], ['run_failed', 'error', 5, 61]);
    assert.match(told.message ?? '', /^failed with exit code 5 after .*s, 61 failures: /);
    // What decides the code comes first, what did not fit is counted.
    assert.match(told.summary, /^\S+, secrets\.denied: .*; \S+, secrets\.none_0: .*; and \d+ more$/);
    const shown = told.summary.split('; ').length - 1;
    assert.ok(told.summary.endsWith(`; and ${String(61 - shown)} more`) && shown > 2, told.summary);
    assert.ok(told.peak_memory_bytes > MIB);
    const people = await app.render(many, ['--log-format', 'text']);
    assert.match(
      lastLine(people),
      /^vaultonce: error: failed with exit code 5 after .*s, 61 failures: .*secrets\.denied: /,
    );
    // One failure: a line of text has no exit code, and its hint comes last. A terminal shows it all.
    const one = { ...config, secrets: { app: 'secret/none' } };
    const alone = await app.render(one, ['--log-format', 'text', '--quiet']);
    assert.match(
      lastLine(alone),
      /^vaultonce: error: failed with exit code 6 after \d[\d.]* m?s: \S+, secrets\.app: /,
    );
    const terminal = await app.render(one, [], { terminal: true, env: { NO_COLOR: '1' } });
    assert.match(terminal.stdout, /secrets\.app: /);
    assert.doesNotMatch(terminal.stdout, /exit code/);
  });

  test('a failure with a long list of details has a last line that fits all the same', async () => {
    const sources = Array.from({ length: 40 }, (_, index) => `x${String(index)}: ${'y'.repeat(200)}`);
    const result = await app.render({
      ...config,
      secrets: { app: 'secret/app', ['n'.repeat(3000)]: sources },
    });
    assert.equal(result.code, 3, result.stderr);
    assert.ok(Buffer.byteLength(lastLine(result)) < SHOWN_BYTES);
    assert.equal((JSON.parse(lastLine(result)) as Summary).event, 'run_failed');
  });

  test('the termination message has the failure even where that alone is too long', async () => {
    const log = app.workspace.write('termination-log', '');
    const long = { path: `${'dir/'.repeat(960)}file`, value: 'app#none', mode: '0440' };
    const result = await app.render({ ...config, outputs: [long] }, [], {
      env: { VAULTONCE_TERMINATION_LOG: log },
    });
    assert.equal(result.code, 6, result.stderr);
    const text = app.workspace.read('termination-log');
    assert.ok(Buffer.byteLength(text) <= 4096);
    const { failures, ...rest } = JSON.parse(text) as {
      failures: readonly LogLine[];
      more_failures?: number;
    };
    assert.equal(rest.more_failures, undefined);
    assert.match(failures[0]?.where ?? '', /outputs\[0\] \(dir\/.*…$/);
    assert.match(failures[0]?.message ?? '', /none/);
  });

  test('the last line of a complete run has what was done and the memory that it took; so has the report', async () => {
    const result = await app.render(config, ['--report', '-']);
    assert.equal(result.code, 0, result.stderr);
    const told = JSON.parse(lastLine(result)) as Summary;
    assert.equal(told.event, 'finished');
    assert.match(told.message ?? '', /^1 file complete \(1 changed\) from .*, \d+ MiB of memory$/);
    const report = JSON.parse(result.stdout) as Record<string, unknown>;
    // More than a runtime takes, and less than any run does.
    for (const bytes of [told.peak_memory_bytes, Number(report['peak_memory_bytes'])])
      assert.ok(bytes > 8 * MIB && bytes < 1024 * MIB, String(bytes));
    assert.ok(['process', 'container'].includes(String(report['peak_memory_of'])));
    assert.ok('memory_limit_bytes' in report);
  });

  describe('the memory of a cgroup', needsOwnNames(), () => {
    /** Runs it as the first process of a container whose cgroup has these files. */
    const run = async (files: Readonly<Record<string, string>>, cgroup?: string): Promise<CliResult> => {
      const writes = Object.entries(files).map(
        ([path, text]) => `mkdir -p "$(dirname ${path})" && echo ${text} > ${path}`,
      );
      const own = cgroup === undefined ? '' : app.workspace.write('cgroup', `${cgroup}\n`);
      const script = [
        'mount -t tmpfs none /sys/fs/cgroup',
        'cd /sys/fs/cgroup',
        ...writes,
        ...(own === '' ? [] : [`mount --bind ${own} /proc/$$/cgroup`]),
        'exec "$@"',
      ].join(' && ');
      const command = [...COMMAND, 'render', '-c', app.config(config), '--report', '-'];
      const args = ['-m', '-p', '-f', '--mount-proc', 'sh', '-c', script, 'sh', ...command];
      // Nothing of who runs the tests, such as that it is a CI system.
      const child = spawn('unshare', args, { env: { PATH: process.env['PATH'] } });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (text: Buffer) => (stdout += String(text)));
      child.stderr.on('data', (text: Buffer) => (stderr += String(text)));
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
      return { code, stdout, stderr };
    };
    const memoryOf = (result: CliResult): readonly unknown[] => {
      assert.equal(result.code, 0, result.stderr);
      const report = JSON.parse(result.stdout) as Record<string, unknown>;
      return [report['peak_memory_of'], report['peak_memory_bytes'], report['memory_limit_bytes']];
    };
    const warningOf = (result: CliResult): LogLine | undefined =>
      logLines(result).find(({ event }) => event === 'memory_limit_low');

    test('version 2: its peak, and a limit that is too low for a cold start', async () => {
      const tight = await run({ 'memory.max': String(48 * MIB), 'memory.peak': '33554432' });
      assert.deepEqual(memoryOf(tight), ['container', 32 * MIB, 48 * MIB]);
      const warning = warningOf(tight);
      assert.equal(warning?.level, 'warn');
      const needed = IS_STANDALONE ? 64 : 80;
      assert.match(
        warning.message ?? '',
        new RegExp(`is 48 MiB; a start from a cold page cache needs ${String(needed)} MiB`),
      );
      assert.match(warning.hint ?? '', /128 MiB/);
      assert.match(lastLine(tight), / 32 MiB of memory"/);
      const right = await run({ 'memory.max': String(needed * MIB), 'memory.peak': '1' });
      assert.equal(warningOf(right), undefined);
      const none = await run({ 'memory.max': 'max', 'memory.peak': '1048576' });
      assert.deepEqual(memoryOf(none), ['container', MIB, null]);
      assert.equal(warningOf(none), undefined);
      // Before Linux 5.19 there is no peak.
      const [of, bytes, limit] = memoryOf(await run({ 'memory.max': String(96 * MIB) }));
      assert.deepEqual([of, limit], ['process', 96 * MIB]);
      assert.ok(Number(bytes) > 8 * MIB);
    });

    test('version 2, below the root that the container sees', async () => {
      const path = 'kubepods/pod1/web';
      const files = { [`${path}/memory.max`]: String(50 * MIB), [`${path}/memory.peak`]: '2097152' };
      const result = await run(files, `0::/${path}`);
      assert.deepEqual(memoryOf(result), ['container', 2 * MIB, 50 * MIB]);
      assert.ok(warningOf(result));
    });

    test('version 1, whether its path is below the root or is the root', async () => {
      const names = { limit: 'memory.limit_in_bytes', peak: 'memory.max_usage_in_bytes' };
      const lines = '5:cpu,cpuacct:/x\\n4:memory:/kubepods/web\\n0::/';
      const cgroup = lines.replaceAll('\\n', '\n');
      for (const directory of ['memory', 'memory/kubepods/web']) {
        const files = {
          [`${directory}/${names.limit}`]: String(40 * MIB),
          [`${directory}/${names.peak}`]: '3145728',
        };
        const result = await run(files, cgroup);
        assert.deepEqual(memoryOf(result), ['container', 3 * MIB, 40 * MIB], directory);
        assert.ok(warningOf(result));
      }
      const none = await run(
        { [`memory/${names.limit}`]: '9223372036854771712', [`memory/${names.peak}`]: '1' },
        cgroup,
      );
      assert.deepEqual(memoryOf(none), ['container', 1, null]);
    });

    test('no cgroup, and files that make no sense, say nothing', async () => {
      for (const files of [{}, { 'memory.max': 'lots', 'memory.peak': '-1' }]) {
        const result = await run(files);
        const [of, , limit] = memoryOf(result);
        assert.deepEqual([of, limit], ['process', null]);
        assert.equal(warningOf(result), undefined);
      }
    });
  });
});
