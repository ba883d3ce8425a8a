import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { dump } from 'js-yaml';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';
import { startStandIn, type StandIn } from '../support/stand-in.ts';
import { createWorkspace } from '../support/workspace.ts';

const OUTPUTS = [{ path: 'a', contents: '{{a.key}}' }];

/** What is wrong with what `watch` is told, found by `check` and before the first request. */
describe('inputs of watch', () => {
  const workspace = createWorkspace();
  let server: StandIn;
  before(async () => {
    server = await startStandIn({ answer: () => ({ status: 500, body: { errors: [] } }) });
  });
  beforeEach(() => {
    workspace.clear();
  });
  after(async () => {
    workspace.remove();
    await server.stop();
  });

  const config = (own: object): string =>
    workspace.write(
      'vaultonce.yaml',
      dump({
        vault: { address: server.address },
        auth: { method: 'approle', role_id: 'a', secret_id: 'b' },
        secrets: { a: 'secret/a' },
        outputs: OUTPUTS,
        output: { directory: workspace.path('out') },
        ...own,
      }),
    );
  const watch = (own: object, ...args: readonly string[]): Promise<CliResult> =>
    runCli(['watch', '-c', config(own), ...args]);
  const check = (own: object, ...args: readonly string[]): Promise<CliResult> =>
    runCli(['check', '-c', config(own), ...args]);

  /** What is refused, by both unless it depends on the command or the machine. */
  const REFUSED: readonly (readonly [
    what: string,
    own: object,
    message: RegExp,
    where: RegExp,
    onlyBy?: 'watch',
  ])[] = [
    ['refresh of a moment', { watch: { refresh: '1ms' } }, /`refresh` is shorter than 1s/, /watch/],
    ['a refresh that is none', { watch: { refresh: 'often' } }, /is not a duration/, /watch\.refresh/],
    ['rotate_at beyond the end', { watch: { rotate_at: '150%' } }, /is not a percentage/, /watch\.rotate_at/],
    ['rotate_at as a fraction', { watch: { rotate_at: 0.8 } }, /is not a percentage/, /watch\.rotate_at/],
    ['an unknown key', { watch: { refesh: '5m' } }, /is not a known key/, /watch/],
    ['signal misspelled', { watch: { on_change: { signal: 'SIGHUB' } } }, /./, /watch\.on_change/],
    [
      'a process without a signal',
      { watch: { on_change: { process: 'nginx' } } },
      /signal/,
      /watch\.on_change/,
    ],
    [
      'two targets',
      { watch: { on_change: { signal: 'SIGHUP', process: 'nginx', pid_file: '/run/a.pid' } } },
      /process.*pid_file/,
      /watch\.on_change/,
    ],
    ['nothing to do', { watch: { on_change: {} } }, /./, /watch\.on_change/],
    ['a health check nowhere', { watch: { health: {} } }, /address/, /watch\.health/],
    [
      'a health address that is none',
      { watch: { health: { address: 'nowhere' } } },
      /^this is not an address to listen on$/,
      /watch\.health\.address:/,
    ],
    [
      'a URL that is none',
      { watch: { on_change: { http: { url: 'localhost/reload' } } } },
      /^this is not an HTTP URL$/,
      /watch\.on_change\.http\.url:/,
    ],
    [
      'a handler of an output',
      { outputs: [{ ...OUTPUTS[0], on_change: { http: { url: 'ftp://a' } } }], watch: {} },
      /^this is not an HTTP URL$/,
      /outputs\[0\] \(a\), on_change\.http\.url:/,
    ],
    [
      'a restart of no command',
      { watch: { on_change: 'restart' } },
      /needs a command, and there is none/,
      /watch\.on_change/,
      'watch',
    ],
    [
      'a signal to no command',
      { watch: { on_change: { signal: 'SIGHUP' } } },
      /needs a command, and there is none/,
      /watch\.on_change/,
      'watch',
    ],
    [
      'a command that is not there',
      { watch: { on_change: { run: ['no-such-command'] } } },
      /no-such-command/,
      /watch\.on_change\.run:/,
      'watch',
    ],
    ['no outputs', { outputs: [], watch: {} }, /^nothing to keep good/, /watch/, 'watch'],
    [
      'no outputs but variables',
      { outputs: [], environment: { A: 'a#key' } },
      /^nothing to keep good/,
      /./,
      'watch',
    ],
  ];

  for (const [what, own, message, where, onlyBy] of REFUSED) {
    test(`${what}: 3, before the first request`, async () => {
      const before = server.seen.length;
      const watched = await watch(own);
      const checked = await check(own);
      for (const result of onlyBy === undefined ? [watched, checked] : [watched]) {
        assert.equal(result.code, 3, result.stderr);
        const found = failuresOf(result).find((failure) => message.test(failure.message ?? ''));
        assert.match(`${String(found?.where)}: ${found?.message ?? ''}`, where, result.stderr);
      }
      if (onlyBy !== undefined) assert.equal(checked.code, 0, checked.stderr);
      assert.equal(server.seen.length, before);
    });
  }

  test('a port in use: 3, before the first request', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const result = await watch({ watch: { health: { address: `127.0.0.1:${String(port)}` } } });
    other.close();
    assert.equal(result.code, 3, result.stderr);
    assert.match(failuresOf(result)[0]?.message ?? '', /EADDRINUSE/);
    assert.equal(server.seen.length, 0);
  });

  test('fixtures: 2, and what to do instead', async () => {
    const result = await watch({}, '--fixtures', workspace.write('values.yaml', 'a: { key: one }'));
    assert.equal(result.code, 2, result.stderr);
    assert.match(failuresOf(result)[0]?.hint ?? '', /render --fixtures/);
  });

  test('a login that works once is a warning of both, where it is declared', async () => {
    const file = workspace.path('secret_id');
    const approle = { method: 'approle', role_id: 'a' };
    const ONCE: readonly (readonly [object, RegExp])[] = [
      [{ ...approle, secret_id_file: file, secret_id_wrapped: true }, /auth\.secret_id_wrapped$/],
      [{ ...approle, secret_id_file: file, remove_secret_id_file: true }, /auth\.remove_secret_id_file$/],
      [{ method: 'token', token_file: file, wrapped: true }, /auth\.wrapped$/],
    ];
    for (const [auth, where] of ONCE) {
      const own = { auth, watch: { refresh: '1m' } };
      for (const result of [await check(own), await watch(own)]) {
        const warnings = warningsOf(result);
        assert.equal(warnings.length, 1, result.stderr);
        assert.match(warnings[0]?.message ?? '', /^this login works once/);
        assert.match(warnings[0]?.where ?? '', where);
      }
      assert.deepEqual(warningsOf(await check({ auth })), [], 'only watch logs in again');
    }
    for (const auth of [
      { ...approle, secret_id_file: file },
      { method: 'token', token_file: file },
    ])
      assert.deepEqual(warningsOf(await check({ auth, watch: {} })), []);
  });

  test('check says when each secret is renewed, read or replaced', async () => {
    const own = {
      secrets: {
        kv: { path: 'secret/a', engine: 'kv2' },
        often: { path: 'secret/a', engine: 'kv1', refresh: '30s' },
        names: { path: 'secret/a', list: true },
        unknown: 'database/creds/web',
        certificate: { path: 'pki/issue/web', write: { ttl: '24h' }, rotate_at: '50%' },
        early: { path: 'pki/issue/web', write: { ttl: '24h' }, refresh: '1h' },
        late: { path: 'pki/issue/web', write: { ttl: '1h' }, refresh: '2h' },
        made: { path: 'ssh/sign/web', write: { public_key: 'a' } },
        wrapped: { path: 'secret/a', engine: 'kv2', wrap_ttl: '5m' },
      },
      outputs: [{ path: 'a', contents: '{{kv.key}}' }],
      watch: { refresh: '90s' },
    };
    const { stdout, code, stderr } = await check(own, '--json');
    assert.equal(code, 0, stderr);
    const { watch: schedule } = JSON.parse(stdout) as {
      watch: { token: string; secrets: { name: string; after_seconds: number | null; rule: string }[] };
    };
    const lease =
      'lease: renewed at two thirds of what is left; with an end: replaced at 80 % of its life; without:';
    const unless = 'unless the server gives it less';
    assert.deepEqual(
      schedule.secrets.map(({ name, after_seconds, rule }) => [name, after_seconds, rule]),
      [
        ['kv', 90, 'read each 1m30s'],
        ['often', 30, 'read each 30s'],
        ['names', 90, 'read each 1m30s'],
        ['unknown', null, `${lease} read each 1m30s`],
        ['certificate', 43_200, `replaced after 12h (50 % of its \`ttl\` of 1d), ${unless}`],
        ['early', 3600, 'read each 1h, or replaced at 80 % of its life if that is sooner'],
        ['late', 2880, `replaced after 48m (80 % of its \`ttl\` of 1h), ${unless}`],
        ['made', null, `${lease} kept`],
        ['wrapped', 240, `replaced after 4m (80 % of its \`wrap_ttl\` of 5m), ${unless}`],
      ],
    );
    assert.match(schedule.token, /another login/);
    const text = (await check(own)).stdout;
    assert.match(text, /^WATCH\n\(token\) +renewed at .*\nkv +read each 1m30s$/m);
    const given = (await check({ ...own, auth: { method: 'token', token: 'x' } })).stdout;
    assert.match(given, /^\(token\) .*nothing logs in again/m);
    const { watch: none, ...without } = own;
    assert.ok(none.refresh !== '' && !(await check(without)).stdout.includes('WATCH'));
  });

  const warningsOf = ({ stderr }: CliResult): { readonly message: string; readonly where?: string }[] =>
    stderr
      .split('\n')
      .filter((line) => line.includes('"event":"watch_warning"'))
      .map((line) => JSON.parse(line) as { readonly message: string; readonly where?: string });
});
