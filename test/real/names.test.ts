import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp } from '../support/app.ts';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';

/** Keys and paths of any spelling, in templates and in references. */
describe('names', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('app', {
      'spring.datasource.password': 'p1',
      'two words': 'p2',
      'at@3': 'p3',
      '.dockerconfigjson': '{}',
      'a.b': 'key',
      a: { b: 'inner', c: { d: 'deep' } },
    });
    await app.putKv2('odd%23b%3Fc@3', { k: 'odd' });
    await app.putKv2('odd%23b%3Fc', { k: 'pinned 1' });
    await app.putKv2('odd%23b%3Fc', { k: 'pinned 2' });
  });
  after(() => app.stop());

  const read = (...args: readonly string[]): Promise<CliResult> =>
    runCli(['read', '-c', app.config({}), ...args]);

  test('a reference names any key: with dots, within another, in quotes', async () => {
    const refs = [
      ['secret/app#spring.datasource.password', 'p1'],
      ['secret/app#two words', 'p2'],
      ['secret/app#"at@3"', 'p3'],
      ['secret/app#"at@3"@1', 'p3'],
      ['secret/app#.dockerconfigjson', '{}'],
      ['secret/app#a.c.d', 'deep'],
      ['secret/app#"a.b"', 'key'],
      ['secret/app#"a".b', 'inner'],
      ['secret/app#/a/b', 'inner'],
    ] as const;
    const { stdout, stderr, code } = await read(...refs.map(([ref]) => ref));
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      stdout.trimEnd().split('\n'),
      refs.map(([, value]) => value),
    );
  });

  test('what is both a key and a way into another is an error that names both', async () => {
    const result = await read('secret/app#a.b');
    assert.equal(result.code, 3);
    const [failure] = failuresOf(result);
    assert.equal(failure?.message, '`a.b` is both `b` within `a` and the key `a.b`');
    assert.equal(failure.hint, 'write `#"a"."b"` or `#"a.b"`');
    const rendered = await app.render({
      secrets: { app: 'secret/app' },
      outputs: [{ path: 'x', contents: '{{app.a.b}}' }],
    });
    assert.equal(rendered.code, 7);
    assert.match(failuresOf(rendered)[0]?.hint ?? '', /^write `{{app\."a"\."b"}}` or `{{app\."a\.b"}}`$/);
    const within = await read('secret/app#a.c.x');
    assert.equal(within.code, 6);
    assert.equal(failuresOf(within)[0]?.message, '`c` of the secret `secret/app` has no key `x`');
    assert.deepEqual(failuresOf(within)[0]?.details, ['known keys: d']);
  });

  test('a template names the same keys', async () => {
    const contents =
      '{{app.spring.datasource.password}} {{app."two words"}} {{app."a.b"}} {{app."a".b}} {{app.a.c.d}}';
    const result = await app.render({
      secrets: { app: 'secret/app' },
      outputs: [{ path: 'x', contents }],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/x'), 'p1 p2 key inner deep');
  });

  test('`parse: json` reads texts of JSON where a name goes into them, and leaves every text as it is', async () => {
    const conf = '{ "user": "u", "port": 1.10, "hosts": ["h0", "h1"], "big": 12345678901234567890 }';
    await app.putKv2('text', { conf, list: '[{"n": "x"}, {"n": "y"}]', plain: 'true', broken: '{no', n: 7 });
    const secrets = { t: { path: 'secret/text', parse: 'json' }, plain: 'secret/text' };
    const contents = [
      '{{t.conf.user}} {{t.conf.port}} {{t.conf.big}} {{t.conf.hosts.1}} {{t.plain}} {{t.broken}} {{t.n}}',
      '{{#t.list}}[{{n}}]{{/t.list}}{{#t.conf}}{{user}}{{/t.conf}}{{#plain.conf}}{{.}}{{/plain.conf}}',
      '{{t.conf}}',
    ].join('\n');
    const rendered = await app.render({
      secrets,
      outputs: [
        { path: 'x', contents },
        { path: 'raw', secret: 't', key: 'conf' },
        { path: 'x.json', format: 'json', secret: 't', keys: { include: ['conf', 'plain'] } },
        { path: 'value', value: 't#/conf/hosts/0' },
      ],
    });
    assert.equal(rendered.code, 0, rendered.stderr);
    assert.equal(
      app.workspace.read('out/x'),
      `u 1.10 12345678901234567890 h1 true {no 7\n[x][y]u${conf}\n${conf}`,
    );
    assert.equal(app.workspace.read('out/raw'), conf);
    assert.equal(app.workspace.read('out/value'), 'h0');
    const json = app.workspace.read('out/x.json');
    assert.match(json, /"port": 1\.10,/);
    assert.match(json, /"plain": "true"/);
    for (const contents of ['{{plain.conf.user}}', '{{plain.conf.hosts.0}}']) {
      const refused = await app.render({ secrets, outputs: [{ path: 'y', contents }] });
      assert.equal(refused.code, 6);
      assert.match(failuresOf(refused)[0]?.hint ?? '', /`parse: json`/);
    }
    for (const ref of ['secret/text#/conf/user', 'secret/text#conf.user']) {
      const refused = await read(ref);
      assert.equal(refused.code, 6);
      assert.match(failuresOf(refused)[0]?.hint ?? '', /`parse: json`/);
    }
  });

  test('of a tree, the texts of every secret', async () => {
    await app.putKv2('tree/a', { conf: '{"x": 1}' });
    const result = await app.render({
      secrets: { tree: { path: 'secret/tree', recursive: true, parse: 'json' } },
      outputs: [{ path: 'tree', contents: '{{tree.a.conf.x}} {{tree.a.conf}}' }],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/tree'), '1 {"x": 1}');
  });

  test('`sanitize: true` makes names valid; two keys with one name are an error that names both', async () => {
    await app.putKv2('names', { 'foo-bar.baz': 1, '1st': 2 });
    const output = { path: 'names.env', format: 'env-file', secret: 'n', keys: { sanitize: true } };
    const secrets = { n: 'secret/names' };
    assert.equal((await app.render({ secrets, outputs: [output] })).code, 0);
    assert.equal(app.workspace.read('out/names.env'), '_1st=2\nfoo_bar_baz=1\n');
    await app.putKv2('names', { 'foo-bar': 1, 'foo.bar': 2 });
    const clash = await app.render({ secrets, outputs: [output] });
    assert.equal(clash.code, 8);
    assert.equal(failuresOf(clash)[0]?.message, 'the keys `foo-bar`, `foo.bar` would all be named `foo_bar`');
  });

  test('a path with `#`, `?` and `@3` in its names, beside a version of another', async () => {
    const refs = ['secret/odd%23b%3Fc%403#k', 'secret/odd%23b%3Fc@3#k', 'secret/odd%23b%3Fc#k@1'];
    const result = await read(...refs);
    assert.equal(result.stdout, 'odd\nodd\npinned 1\n', result.stderr);
    const declared = await app.render({
      secrets: { odd: 'secret/odd%23b%3fc' },
      outputs: [{ path: 'odd', contents: '{{odd.k}}' }],
    });
    assert.equal(declared.code, 0, declared.stderr);
    assert.equal(app.workspace.read('out/odd'), 'pinned 2');
    const same = await read('secret/odd%23b%3Fc%403#k', 'secret/odd%23b%3Fc#k@2');
    assert.equal(same.stdout, 'odd\npinned 2\n', 'no version of one path is taken for the other');
  });

  test('2: what is wrong with an argument is told, and nothing of it', async () => {
    const cases = [
      [['read', 'secret/app/#k'], /its path ends with a slash/, /REF|path#key/],
      [['read', 'secret//app#k'], /its path has a double slash/, /path#key/],
      [['read', 'secret/canary?x#k'], /its path has a `\?` or `#`/, /`%23`.*`%3F`/],
      [['read', 'secret/canary'], /names a secret, and none of its keys/, /--json/],
      [['read', 'secret/app#"canary'], /quotes in its key/, /JSON/],
      [['env', '--env', 'A-B=secret/app#k'], /not the name of a variable/, /letters, digits and `_`/],
      [['env', '--env', 'A=secret/app/#k'], /its path ends with a slash/, /path#key/],
      [['env', '--env', 'canary'], /NAME=REF/, /path#key/],
      [['check', '--secret', 'a=secret/canary/'], /its path ends with a slash/, /NAME=PATH/],
      [['check', '--out', 'x=secret//canary#k'], /its path has a double slash/, /PATH=REF/],
    ] as const;
    for (const [[command, ...args], message, hint] of cases) {
      const result = await runCli([command, '-c', app.config({}), ...args]);
      assert.equal(result.code, 2, args.join(' '));
      const [failure] = failuresOf(result);
      assert.match(failure?.message ?? '', message);
      assert.match(failure?.hint ?? '', hint);
      assert.doesNotMatch(result.stdout + result.stderr, /canary/);
    }
  });
});
