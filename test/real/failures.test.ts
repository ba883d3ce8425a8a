import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, runCli, type CliOptions, type CliResult } from '../support/cli.ts';
import { needsDisk, needsMounts, needsOtherUser, OTHER_USER } from '../support/needs.ts';
import { diskDirectory } from '../support/places.ts';
import { createWorkspace, type Snapshot } from '../support/workspace.ts';

const otherUsers = needsOtherUser();
const mounts = needsMounts();
const disks = needsDisk();

describe('every failure has its code, says what to do next, and leaves everything as it was', () => {
  let app: TestApp;
  let before_: Snapshot;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { key: 'first value' });
    const first = await app.render({
      secrets: { a: 'secret/a' },
      outputs: [{ path: 'keep.txt', contents: '{{a.key}}' }],
    });
    assert.equal(first.code, 0, first.stderr);
    await app.putKv2('a', { key: 'second value' });
  });
  beforeEach(() => {
    before_ = app.workspace.snapshot('out');
    app.server.takeAudit();
  });
  after(() => app.stop());

  const secrets = { a: 'secret/a' };
  const otherUser = { uid: OTHER_USER, gid: OTHER_USER };
  const keep = { path: 'keep.txt', contents: '{{a.key}}' };

  /** Runs a config that has to fail, and checks all that every failure has in common. */
  const fails = async (
    code: number,
    config: TestConfig,
    { args = [], requests, ...options }: CliOptions & { args?: string[]; requests?: number } = {},
  ): Promise<CliResult> => {
    app.server.takeAudit();
    const result = await app.render(config, args, options);
    assert.equal(result.code, code, result.stderr);
    assert.equal(result.stdout, '');
    const failures = failuresOf(result);
    assert.ok(failures.length > 0);
    for (const failure of failures) {
      assert.ok(failure.message, 'says what');
      assert.ok(failure.hint, `says what to do next: ${failure.message ?? ''}`);
      assert.equal(failure.exit_code, code);
    }
    assert.deepEqual(app.workspace.snapshot('out'), before_, 'the outputs are as they were');
    if (requests !== undefined) assert.equal(requestsOf(app.server).length, requests);
    assert.equal(await app.server.tokensLeft(), 0, 'no token is left');
    return result;
  };

  test('3: an unset variable, all of them at once, with their lines', async () => {
    const result = await fails(
      3,
      { secrets: { a: 'secret/${APP}/a', b: '${OTHER}' }, outputs: [{ ...keep, contents: '${BROKEN' }] },
      { requests: 0 },
    );
    assert.equal(failuresOf(result).length, 3);
    for (const { where } of failuresOf(result)) assert.match(where ?? '', /vaultonce\.yaml:\d+$/);
    assert.match(failuresOf(result)[0]?.message ?? '', /`secrets\.a` needs the variable `APP`/);
  });

  test('3: an address without scheme, and none', async () => {
    await fails(
      3,
      { secrets, outputs: [keep], vault: { address: 'vault.example.com:8200' } },
      { requests: 0 },
    );
    await fails(3, { secrets, outputs: [keep], vault: {} }, { requests: 0 });
  });

  test('3: two outputs on one path, and a file where another output needs a directory', async () => {
    for (const [path, message] of [
      ['./keep.txt', / is also written by (.*)$/],
      ['keep.txt/below', / is needed as a directory, but written as a file by (.*)$/],
    ] as const) {
      const config = { secrets, outputs: [keep, { ...keep, path }] };
      const [failure] = failuresOf(await fails(3, config, { requests: 0 }));
      // Each place is named once: the one in `where`, the other in the message.
      const other = message.exec(failure?.message ?? '')?.[1] ?? '';
      assert.match(failure?.where ?? '', /:\d+, outputs\[1\]/);
      assert.match(other, /:\d+, outputs\[0\]/);
      assert.ok(!failure?.message?.includes('outputs[1]'), failure?.message);
    }
    await fails(3, { secrets, outputs: [{ ...keep, path: '../escape' }] }, { requests: 0 });
  });

  test('3: a mount that the token may not see, though the path can be read, is not guessed', async () => {
    await app.server.api.post('sys/policies/acl/blind', {
      policy: 'path "hidden/a" { capabilities = ["read"] }',
    });
    await app.server.api.post('sys/mounts/hidden', {
      type: 'kv',
      options: { version: '1' },
      config: { listing_visibility: 'hidden' },
    });
    await app.server.api.post('hidden/a', { data: { key: 'x' } });
    const result = await app.render({ secrets: { a: 'hidden/a' }, outputs: [keep] });
    assert.ok([5, 3].includes(result.code ?? 0), result.stderr);
  });

  test('5: a path that no policy allows, with the policy that would', async () => {
    const auth = await createRole(app.server, 'narrow', { token_policies: ['default'] });
    const result = await fails(5, { auth, secrets: { a: 'secret/a', b: 'secret/b' }, outputs: [keep] });
    assert.equal(failuresOf(result).length, 2);
    assert.match(
      failuresOf(result)[0]?.hint ?? '',
      /path "secret\/(data\/)?a" \{ capabilities = \["read"\] \}/,
    );
  });

  test('5 before 6: several failures, the lowest code', async () => {
    await app.server.api.post('sys/policies/acl/half', {
      policy: 'path "secret/data/*" { capabilities = ["read"] }',
    });
    const auth = await createRole(app.server, 'half', { token_policies: ['half'] });
    await app.server.api.post('kv1/b', { key: 'x' });
    const result = await fails(5, {
      auth,
      secrets: { a: 'secret/a', gone: 'secret/gone', b: 'kv1/b' },
      outputs: [keep],
    });
    assert.deepEqual(
      failuresOf(result)
        .map(({ kind }) => kind)
        .sort(),
      ['denied', 'not_found'],
    );
  });

  test('6: a missing secret, and a mount that is not there', async () => {
    await fails(6, { secrets: { a: 'secret/a', gone: 'secret/gone' }, outputs: [keep] });
    await app.server.api.post('sys/policies/acl/all', { policy: 'path "*" { capabilities = ["read"] }' });
    const auth = await createRole(app.server, 'all', { token_policies: ['all'] });
    const result = await fails(6, { auth, secrets: { a: 'nowhere/a' }, outputs: [keep] });
    assert.match(failuresOf(result)[0]?.hint ?? '', /no engine is mounted/);
  });

  test('5: a path that no mount is listed for, with the rule of KV version 2; and one whose engine is declared', async () => {
    const narrow = await createRole(app.server, 'narrow', { token_policies: ['default'] });
    const denied = await fails(5, { auth: narrow, secrets: { a: 'secret/a' }, outputs: [keep] });
    assert.match(failuresOf(denied)[0]?.hint ?? '', /path "secret\/data\/a" .*`engine:`/);
    const declared = { a: { path: 'secret/a', engine: 'kv1' } };
    const exact = await fails(5, { auth: narrow, secrets: declared, outputs: [keep] });
    assert.match(
      failuresOf(exact)[0]?.hint ?? '',
      /allow it: path "secret\/a" \{ capabilities = \["read"\] \}$/,
    );
  });

  test('405: an endpoint that takes data is told by check --online, and by the run', async () => {
    const { api } = app.server;
    await api.post('sys/mounts/certs', { type: 'pki' });
    await api.post('sys/policies/acl/app-certs', {
      policy:
        'path "certs/*" { capabilities = ["create", "read", "update"] }\npath "pki-x/*" { capabilities = ["read"] }',
    });
    const auth = await createRole(app.server, 'certs', { token_policies: ['app-certs'] });
    const config: TestConfig = {
      auth,
      secrets: { web: 'certs/issue/web' },
      outputs: [{ path: 'f', format: 'json', secret: 'web' }],
    };
    const run = await fails(5, config);
    assert.match(failuresOf(run)[0]?.message ?? '', /^certs\/issue\/web cannot be read \(405\)/);
    assert.match(failuresOf(run)[0]?.hint ?? '', /add `write: \{/);
    for (const command of [['check', '--online'], ['policy']]) {
      const result = await runCli([...command, '-c', app.config(config)]);
      assert.equal(result.code, 3, result.stderr);
      assert.match(failuresOf(result)[0]?.hint ?? '', /`write: \{ common_name: /);
    }
    const guessed = {
      auth,
      secrets: { web: { path: 'pki/issue/web', engine: 'raw' } },
      outputs: config['outputs'],
    };
    for (const command of ['check', 'policy']) {
      const result = await runCli([command, '-c', app.config(guessed)]);
      assert.equal(result.code, 0, result.stderr);
      assert.match(result.stderr, /"event":"write_missing","path":"pki\/issue\/web"/);
    }
    const written = { ...guessed, secrets: { web: { path: 'pki/issue/web', write: { common_name: 'x' } } } };
    assert.doesNotMatch((await runCli(['check', '-c', app.config(written)])).stderr, /write_missing/);
  });

  test('8: a value that its format cannot carry', async () => {
    await app.putKv2('cr', { key: `a'b"c\\d` });
    await fails(8, {
      secrets: { ...secrets, cr: 'secret/cr' },
      outputs: [keep, { path: 'x.env', format: 'dotenv', secret: 'cr' }],
    });
  });

  test('8: not on tmpfs is told before the login; --allow-disk and allow_disk allow it', disks, async () => {
    const disk = createWorkspace(diskDirectory());
    try {
      const config = { secrets, outputs: [keep], output: { directory: disk.path('out') } };
      const result = await fails(8, config, { requests: 0 });
      assert.match(failuresOf(result)[0]?.hint ?? '', /medium: Memory/);
      assert.deepEqual(disk.list(), []);
      assert.equal((await app.render(config, ['--allow-disk'])).code, 0);
      assert.equal(disk.read('out/keep.txt'), 'second value');
      assert.equal((await app.render({ ...config, output: { ...config.output, allow_disk: true } })).code, 0);
      assert.equal((await app.render(config, [], { env: { VAULTONCE_ALLOW_DISK: 'true' } })).code, 0);
    } finally {
      disk.remove();
    }
  });

  test('8: an output directory that is a file, and a file that is a directory, before the login', async () => {
    app.workspace.write('a-file', 'x');
    await fails(
      8,
      { secrets, outputs: [keep], output: { directory: app.workspace.path('a-file') } },
      { requests: 0 },
    );
    mkdirSync(app.workspace.path('a-directory'), { recursive: true });
    await fails(
      8,
      { secrets, outputs: [{ ...keep, path: app.workspace.path('a-directory') }] },
      { requests: 0 },
    );
  });

  test(
    '3: what lies below a directory that may not be entered is not said to be missing',
    otherUsers,
    async () => {
      const closed = app.workspace.path('closed');
      mkdirSync(closed, { mode: 0o700 });
      chmodSync(app.workspace.root, 0o755);
      const options = { ...otherUser, env: { HOME: closed }, requests: 0 };
      const given = await fails(3, { secrets, outputs: [keep], auth: { method: 'token' } }, options);
      assert.deepEqual(failuresOf(given)[0]?.details, ['~/.vault-token cannot be reached (EACCES)']);
      const auth = { method: 'cert', client_cert: `${closed}/tls.crt`, client_key: `${closed}/tls.key` };
      const vault = { address: 'https://127.0.0.1:1' };
      const certificate = await fails(3, { secrets, outputs: [keep], auth, vault }, options);
      assert.match(failuresOf(certificate)[0]?.message ?? '', /client certificate cannot be read \(EACCES\)/);
    },
  );

  test('8: a directory that this user may not write to, before the login', otherUsers, async () => {
    const locked = app.workspace.path('locked');
    mkdirSync(locked);
    chmodSync(locked, 0o755);
    chmodSync(app.workspace.root, 0o755);
    const result = await fails(
      8,
      { secrets, outputs: [keep], output: { directory: locked } },
      { requests: 0, ...otherUser },
    );
    assert.match(failuresOf(result)[0]?.message ?? '', /not writable/);
  });

  test('8: a refused change of owner; nothing is left behind', otherUsers, async () => {
    const open = app.workspace.path('open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    chmodSync(app.workspace.root, 0o755);
    const result = await fails(
      8,
      { secrets, outputs: [keep], output: { directory: open, owner: 1234 } },
      otherUser,
    );
    assert.match(failuresOf(result)[0]?.hint ?? '', /fsGroup|root/);
    assert.deepEqual(app.workspace.list('open'), []);
    const own = await app.render(
      {
        secrets,
        outputs: [{ ...keep, owner: OTHER_USER, group: OTHER_USER, mode: '0640' }],
        output: { directory: open },
      },
      [],
      otherUser,
    );
    assert.equal(own.code, 0, own.stderr);
    assert.equal(app.workspace.snapshot('open')['keep.txt']?.mode, '0640');
    assert.equal(app.workspace.snapshot('open')['keep.txt']?.uid, OTHER_USER);
  });

  test('8: a full volume says how large it has to be, a read-only one to mount another', mounts, async () => {
    const volume = app.workspace.path('volume');
    mkdirSync(volume);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', volume]);
    try {
      await app.putKv2('large', { value: 'x'.repeat(200_000) });
      const config = {
        secrets: { l: 'secret/large' },
        outputs: [{ path: 'large', secret: 'l', key: 'value' }],
        output: { directory: volume },
      };
      app.server.takeAudit();
      const full = await fails(8, config);
      assert.match(failuresOf(full)[0]?.hint ?? '', /sizeLimit .* at least 1Mi/);
      assert.deepEqual(readdirSync(volume), []);
      spawnSync('mount', ['-o', 'remount,ro', volume]);
      app.server.takeAudit();
      const readOnly = await fails(8, config, { requests: 0 });
      assert.match(failuresOf(readOnly)[0]?.message ?? '', /read-only/);
    } finally {
      spawnSync('umount', [volume]);
    }
  });

  test('SIGTERM during the write: 143, the old files, no new ones, no token', async () => {
    const many = Array.from({ length: 4000 }, (_, index) => ({
      path: `many/${String(index)}`,
      contents: '{{a.key}}',
    }));
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const running = app.startRender({ secrets, outputs: [keep, ...many] });
      const out = app.workspace.path('out');
      while (
        !readdirSync(out).some((name) => name.startsWith('.vaultonce-')) &&
        running.child.exitCode === null
      )
        await delay(1);
      running.child.kill(signal);
      const result = await running.done;
      assert.equal(result.code, signal === 'SIGTERM' ? 143 : 130, result.stderr);
      assert.deepEqual(app.workspace.snapshot('out'), before_);
      assert.equal(await app.server.tokensLeft(), 0);
    }
  });

  test('what a killed run has left is removed by the next one', async () => {
    app.workspace.write('out/.vaultonce-999999-0123abcd.new', 'half a secret');
    app.workspace.write('out/.vaultonce-1-0123abcd.new', 'of a process that lives');
    const result = await app.render({ secrets: { a: { path: 'secret/a', version: 1 } }, outputs: [keep] });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(app.workspace.list('out'), ['.vaultonce-1-0123abcd.new', 'keep.txt']);
  });

  test('3: keys that belong elsewhere, and parts that are written in another way, are told where and how', async () => {
    const misplaced = await fails(3, {
      secrets,
      outputs: [{ ...keep, directory: 'x', prune: true }],
      vault: { skip_verify: true },
      auth: { type: 'k8s' },
      address: 'x',
      tls: {},
      cacert: 'x',
      mode: '0400',
      role: 'x',
      'vault.addr': 'x',
      'vault.tls.insecure': true,
      'auth.role': 'x',
      'nobody.x': 1,
      template: [],
    });
    assert.deepEqual(
      failuresOf(misplaced)
        .map(({ message = '', hint = '' }) => [
          message.split(' ')[0] ?? '',
          hint.replace(/(?:; )?known keys: .*/, ''),
        ])
        .sort(),
      [
        ['`address`', 'it is `vault.address` here'],
        ['`auth.method`', '`type` is called `method` here'],
        ['`auth.role`', 'keys are nested, not dotted: it is `auth.role` here, `auth: { role: … }`'],
        ['`cacert`', 'it is `vault.tls.ca_cert` here'],
        ['`mode`', 'it is `output.mode` here'],
        ['`nobody.x`', ''],
        ['`outputs[0].directory`', 'it is `output.directory` here'],
        ['`outputs[0].prune`', 'it is `output.prune` here'],
        ['`role`', 'it is `auth.role` here'],
        ['`template`', 'it is `outputs` here'],
        ['`tls`', 'it is `vault.tls` here'],
        ['`vault.addr`', 'keys are nested, not dotted: it is `vault.address` here, `vault: { address: … }`'],
        ['`vault.skip_verify`', 'it is `vault.tls.skip_verify` here'],
        [
          '`vault.tls.insecure`',
          'keys are nested, not dotted: it is `vault.tls.skip_verify` here, `vault: { tls: { skip_verify: … } }`',
        ],
      ],
    );
    const parts = {
      outputs: [{ directory: 'x' }, /`output:`/],
      secrets: [['secret/app'], /`db: secret\/app\/db`/],
      environment: [['A=secret/app#x'], /`DB_PASSWORD: secret\/app\/db#password`/],
      auth: ['kubernetes', /`auth: \{ method: /],
      vault: ['https://vault.example.com', /`vault: \{ address: /],
      output: ['/vault/secrets', /`output: \{ directory: /],
    } as const;
    for (const [part, [value, hint]] of Object.entries(parts)) {
      const wrong = await fails(3, { [part]: value });
      assert.match(failuresOf(wrong)[0]?.hint ?? '', hint, wrong.stderr);
    }
  });

  test('3: no config; two that contradict each other; invalid YAML and JSON; unknown keys', async () => {
    const none = await runCli(['render'], { cwd: app.workspace.root + '/out' });
    assert.equal(none.code, 3);
    assert.match(failuresOf(none)[0]?.hint ?? '', /-c FILE/);
    const one = app.config({ secrets, outputs: [keep] }, 'one.yaml');
    const two = app.workspace.write('two.yaml', 'secrets:\n  b: secret/b\n  a: secret/other\ntimeout: 5s\n');
    const both = await runCli(['render', '-c', one, '-c', two]);
    assert.equal(both.code, 3);
    assert.match(failuresOf(both)[0]?.message ?? '', /^`secrets\.a` conflicts with .*one\.yaml:\d+$/);
    const yaml = app.workspace.write('bad.yaml', 'secrets:\n  a: "unclosed canary-value\noutputs: [\n');
    const badYaml = await runCli(['render', '-c', yaml]);
    assert.equal(badYaml.code, 3);
    assert.match(failuresOf(badYaml)[0]?.where ?? '', /bad\.yaml:\d+$/);
    const json = app.workspace.write('bad.json', '{\n  "secrets": {"a": canary-value}\n}');
    const badJson = await runCli(['render', '-c', json]);
    assert.equal(badJson.code, 3);
    assert.match(failuresOf(badJson)[0]?.where ?? '', /bad\.json:2$/);
    for (const { stderr } of [badYaml, badJson]) assert.doesNotMatch(stderr, /canary/);
    const foreign = await fails(3, {
      secrets: { a: { path: 'pki/issue/a', data: {} } },
      outputs: [
        { ...keep, perms: '0400' },
        { path: 'b', format: 'env', secret: 'a' },
      ],
      vault: { addr: 'x', ca_cert: 'x', tls: { insecure: true } },
      env: {},
      auth: [
        { method: 'jwt', role: 'r', source: 'github', path: 'x' },
        { method: 'k8s', role: 'r' },
      ],
    });
    assert.deepEqual(
      failuresOf(foreign)
        .map(
          ({ message = '', hint = '' }) =>
            `${message.split(' ')[0] ?? ''} ${/`(.*?)`/.exec(hint)?.[1] ?? ''}`,
        )
        .sort(),
      [
        '`auth[0].path` mount',
        '`auth[0].source` github-actions',
        '`auth[1].method` kubernetes',
        '`env` environment',
        '`outputs[0].perms` mode',
        '`outputs[1].format` dotenv',
        '`secrets.a.data` write',
        '`vault.addr` address',
        '`vault.ca_cert` vault.tls.ca_cert',
        '`vault.tls.insecure` skip_verify',
      ],
    );
    const unknown = await fails(3, {
      secrets: { a: { path: 'secret/a', verson: 2 } },
      outputs: [{ ...keep, mod: '0400' }],
      vault: { adress: 'x' },
      secret: {},
      auth: { method: 'approle', role: 'x', role_id: 'y' },
    });
    const hints = failuresOf(unknown).map(
      ({ message, hint }) => `${message ?? ''} ${/did you mean `(\w+)`/.exec(hint ?? '')?.[1] ?? ''}`,
    );
    assert.deepEqual(hints.sort(), [
      '`auth.role` is not a known key ',
      '`outputs[0].mod` is not a known key mode',
      '`secret` is not a known key secrets',
      '`secrets.a.verson` is not a known key version',
      '`vault.adress` is not a known key address',
    ]);
  });
});
