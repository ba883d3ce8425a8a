import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { parseEnv } from 'node:util';
import { parse as parseProperties } from 'dot-properties';
import { load } from 'js-yaml';
import { parse as parseToml } from 'smol-toml';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, runCli } from '../support/cli.ts';

describe('names and trees', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    const puts: TestApp['putKv1'][] = [
      (path, data) => app.putKv2(path, data),
      (path, data) => app.putKv1(path, data),
    ];
    for (const put of puts) {
      await put('shop/db', { user: 'u', port: 5432 });
      await put('shop/api/v1', { token: 't1' });
      await put('shop/api/v2', { token: 't2', nested: { a: [1] } });
      await put('shop/old/x', { gone: 'x' });
    }
    await app.putKv2('shop/deleted', { never: 'seen' });
    await app.server.api.request('DELETE', 'secret/data/shop/deleted');
    await app.putKv2('data/inner', { key: 'in a folder named data' });
  });
  beforeEach(() => {
    app.server.takeAudit();
  });
  after(() => app.stop());

  const tree = { path: 'secret/shop', recursive: true, exclude: ['old/'] };
  const ALL = {
    api: { v1: { token: 't1' }, v2: { token: 't2', nested: { a: [1] } } },
    db: { user: 'u', port: 5432 },
  };
  const read = (name: string): string => app.workspace.read(`out/${name}`);

  test('list: the names below a path, of kv1, kv2 and other engines, filtered', async () => {
    const result = await app.render({
      secrets: {
        kv2: { path: 'secret/shop', list: true },
        kv1: { path: 'kv1/shop', list: true, exclude: ['o*'] },
        api: { path: 'secret/data/shop/api', list: true },
        some: { path: 'secret/shop', list: true, include: ['*/'] },
        mount: { path: 'kv1', list: true },
        none: { path: 'cubbyhole/none', list: true, optional: true },
      },
      outputs: [
        { path: 'kv2.json', format: 'json', secret: 'kv2' },
        {
          path: 'names',
          contents: '{{kv1.keys}} {{#api.keys}}<{{.}}>{{/api.keys}} {{some.keys}} {{mount.keys}}',
        },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(JSON.parse(read('kv2.json')), { keys: ['api/', 'db', 'deleted', 'old/'] });
    assert.equal(read('names'), '["api/","db"] <v1><v2> ["api/","old/"] ["shop/"]');
    const lists = requestsOf(app.server).filter((request) => request.startsWith('list'));
    assert.equal(lists.length, 5, 'two secrets with one listing share it');
    const gone = await app.render({ secrets: { gone: { path: 'secret/none', list: true } } });
    assert.equal(gone.code, 6);
    assert.match(failuresOf(gone)[0]?.message ?? '', /has nothing below it/);
  });

  test('recursive: each format shows the tree as its readers know one', async () => {
    for (const path of ['secret/shop', 'kv1/shop', 'secret/data/shop']) {
      app.workspace.clear();
      const result = await app.render({
        secrets: { tree: { ...tree, path } },
        outputs: [
          ...(['json', 'yaml', 'toml', 'properties'] as const).map((format) => ({
            path: `t.${format}`,
            format,
            secret: 'tree',
          })),
          {
            path: 't.env',
            format: 'dotenv',
            secret: 'tree',
            keys: { case: 'upper', prefix: 'SHOP_', exclude: ['*nested'] },
          },
          { path: 't/', format: 'files', secret: 'tree', mode: '0440' },
          { path: 'one', secret: 'tree', key: 'db/user' },
          { path: 'pointer', value: 'tree#/api/v2/nested/a/0' },
          {
            path: 'some.json',
            format: 'json',
            secret: 'tree',
            keys: { include: ['api/v1/*'], rename: { 'api/v1/token': 'a/b' } },
          },
          {
            path: 'template',
            contents:
              '{{tree.db.user}} {{#tree.api}}{{v1.token}}{{/tree.api}}{{#tree.@entries}} {{key}}={{value}}{{/tree.@entries}}',
          },
        ],
      });
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(JSON.parse(read('t.json')), ALL);
      assert.deepEqual(load(read('t.yaml')), ALL);
      assert.deepEqual(JSON.parse(JSON.stringify(parseToml(read('t.toml')))), ALL);
      assert.deepEqual(parseProperties(read('t.properties')), {
        'api.v1.token': 't1',
        'api.v2.nested': '{"a":[1]}',
        'api.v2.token': 't2',
        'db.port': '5432',
        'db.user': 'u',
      });
      assert.deepEqual(
        { ...parseEnv(read('t.env')) },
        {
          SHOP_API_V1_TOKEN: 't1',
          SHOP_API_V2_TOKEN: 't2',
          SHOP_DB_PORT: '5432',
          SHOP_DB_USER: 'u',
        },
      );
      assert.deepEqual(app.workspace.list('out/t'), [
        'api',
        'api/v1',
        'api/v1/token',
        'api/v2',
        'api/v2/nested',
        'api/v2/token',
        'db',
        'db/port',
        'db/user',
      ]);
      assert.equal(app.workspace.mode('out/t/api/v1/token'), '0440');
      assert.equal(app.workspace.mode('out/t/api'), '0750');
      assert.equal(read('one'), 'u');
      assert.equal(read('pointer'), '1');
      assert.deepEqual(JSON.parse(read('some.json')), { a: { b: 't1' } });
      assert.equal(
        read('template'),
        'u t1 api/v1/token=t1 api/v2/nested={"a":[1]} api/v2/token=t2 db/port=5432 db/user=u',
      );
    }
  });

  test('only what is wanted is listed and read, and each secret once', async () => {
    const result = await app.render({
      secrets: { tree: { ...tree, include: ['api/*', 'db'], exclude: ['api/v2'] }, db: 'secret/shop/db' },
    });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(
      requestsOf(app.server).slice(2, -1).sort(),
      [
        'list secret/metadata/shop',
        'list secret/metadata/shop/api',
        'read secret/data/shop/api/v1',
        'read secret/data/shop/db',
      ]
        .map((request) => request.replace(/^(list .*)$/, '$1/'))
        .sort(),
    );
  });

  test('a whole mount, with a folder named data; a folder that is not there', async () => {
    const result = await app.render({
      secrets: { all: { path: 'secret', recursive: true, include: ['data/*'] } },
      outputs: [{ path: 'all.json', format: 'json', secret: 'all' }],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(JSON.parse(read('all.json')), { data: { inner: { key: 'in a folder named data' } } });
    const gone = { path: 'secret/none', recursive: true };
    assert.equal((await app.render({ secrets: { gone } })).code, 6);
    assert.equal((await app.render({ secrets: { gone: { ...gone, optional: true } } })).code, 0);
  });

  test('max_secrets: more are a failure before any is read', async () => {
    const result = await app.render({ secrets: { tree: { ...tree, max_secrets: 2 } } });
    assert.equal(result.code, 10, result.stderr);
    assert.match(failuresOf(result)[0]?.message ?? '', /more than 2 secrets/);
    assert.ok(failuresOf(result)[0]?.hint);
    assert.ok(!requestsOf(app.server).some((request) => request.startsWith('read secret/data')));
    assert.equal((await app.render({ secrets: { tree: { ...tree, max_secrets: 4 } } })).code, 0);
  });

  test('names that no file, object or path can have', async () => {
    await app.putKv2('bad/a', { b: '1', '../x': '2' });
    await app.putKv2('bad/c', { '/': '3' });
    await app.putKv2('clash/a', { b: '1' });
    await app.putKv2('clash/a/b', { c: '2' });
    const escape = await app.render({
      secrets: { bad: { path: 'secret/bad', recursive: true } },
      outputs: [{ path: 'bad/', format: 'files', secret: 'bad' }],
    });
    assert.equal(escape.code, 8, escape.stderr);
    assert.equal(failuresOf(escape).length, 2);
    const clash = await app.render({ secrets: { clash: { path: 'secret/clash', recursive: true } } });
    assert.equal(clash.code, 10, clash.stderr);
    assert.match(
      failuresOf(clash)[0]?.message ?? '',
      /`a\/b` is a key of one secret and the path of another/,
    );
  });

  test('with prune and swap, what left the tree leaves the directory', async () => {
    for (const how of ['prune', 'swap']) {
      app.workspace.clear();
      const config = (exclude: string[]): TestConfig => ({
        secrets: { tree: { ...tree, exclude: ['old/', ...exclude] } },
        outputs: [{ path: 't/', format: 'files', secret: 'tree' }],
        output: { directory: app.workspace.path('out'), [how]: true },
      });
      assert.equal((await app.render(config([]))).code, 0);
      assert.equal(read('t/api/v2/token'), 't2');
      assert.equal((await app.render(config(['api/*']))).code, 0);
      assert.ok(!app.workspace.list('out').some((name) => name.includes('token')), how);
      assert.equal(read('t/db/user'), 'u');
    }
  });

  test('a link below the directory of the files is not followed', async () => {
    app.workspace.clear();
    app.workspace.write('elsewhere/empty', '');
    app.workspace.write('out/t/here', '');
    symlinkSync(app.workspace.path('elsewhere'), app.workspace.path('out/t/api'));
    const result = await app.render({
      secrets: { tree },
      outputs: [{ path: 't/', format: 'files', secret: 'tree' }],
    });
    assert.equal(result.code, 8, result.stderr);
    assert.deepEqual(app.workspace.list('elsewhere'), ['empty']);
  });

  test('a secret of a tree that is denied fails the run, and names its path', async () => {
    await app.server.api.post('sys/policies/acl/most', {
      policy:
        'path "secret/*" { capabilities = ["read", "list"] }\npath "secret/data/shop/db" { capabilities = ["deny"] }',
    });
    const auth = await createRole(app.server, 'most', { token_policies: ['most'] });
    const result = await app.render({ auth, secrets: { tree } });
    assert.equal(result.code, 5, result.stderr);
    assert.match(failuresOf(result)[0]?.message ?? '', /secret\/data\/shop\/db/);
    await app.server.api.post('sys/policies/acl/blind', {
      policy: 'path "secret/data/*" { capabilities = ["read"] }',
    });
    const blind = await createRole(app.server, 'blind', { token_policies: ['blind'] });
    const unlisted = await app.render({ auth: blind, secrets: { tree } });
    assert.match(
      failuresOf(unlisted)[0]?.hint ?? '',
      /path "secret\/metadata\/shop" \{ capabilities = \["list"\] \}/,
    );
  });

  test('policy is the least for trees too, and check tells of it', async () => {
    const config: TestConfig = {
      secrets: { tree, old: { ...tree, path: 'kv1/shop' }, names: { path: 'secret/data', list: true } },
    };
    const printed = await runCli(['policy', '-c', app.config(config)]);
    assert.equal(printed.code, 0, printed.stderr);
    // What only `check --online` needs is a comment.
    const rules = printed.stdout.split('\n\n').filter((block) => /^path /m.test(block));
    assert.deepEqual(
      rules.map((rule) => /path "(.*?)" \{\s+capabilities = (.*)/.exec(rule)?.slice(1)),
      [
        ['secret/metadata/shop/*', '["list"]'],
        ['secret/data/shop/*', '["read"]'],
        ['kv1/shop/*', '["list", "read"]'],
        ['secret/metadata/data', '["list"]'],
        ['auth/token/revoke-self', '["update"]'],
      ],
    );
    const withRules = async (policy: string): Promise<TestConfig> => {
      await app.server.api.post('sys/policies/acl/least', { policy });
      return createRole(app.server, 'least', { token_policies: ['least'], token_no_default_policy: true });
    };
    const complete = await app.render({ ...config, auth: await withRules(printed.stdout) });
    assert.equal(complete.code, 0, complete.stderr);
    for (const rule of rules.slice(0, -1)) {
      const auth = await withRules(rules.filter((one) => one !== rule).join('\n\n'));
      assert.equal((await app.render({ ...config, auth })).code, 5, rule);
    }
    const online = await withRules(
      `${printed.stdout}\npath "sys/capabilities-self" { capabilities = ["update"] }`,
    );
    const checked = await runCli(['check', '--online', '-c', app.config({ ...config, auth: online })]);
    assert.equal(checked.code, 0, checked.stderr);
    assert.match(checked.stdout, /^requests at least 6: /m);
    assert.match(checked.stdout, /^tree +LIST +secret\/shop\/\*\*/m);
    const denied = await runCli([
      'check',
      '--online',
      '-c',
      app.config({
        ...config,
        auth: await withRules(
          'path "secret/metadata/*" { capabilities = ["list"] }\npath "kv1/*" { capabilities = ["list"] }\npath "secret/data/x" { capabilities = ["read"] }\npath "sys/capabilities-self" { capabilities = ["update"] }',
        ),
      }),
    ]);
    assert.equal(denied.code, 5);
    assert.deepEqual(
      failuresOf(denied).map(({ message }) => /[^ ]+$/.exec(message ?? '')?.[0]),
      ['secret/data/shop/*', 'kv1/shop/*'],
    );
  });

  test('a fixture of a tree has its secrets by their path', async () => {
    const fixtures = app.workspace.write(
      'fixtures.yaml',
      'tree: { api/v1: { token: t }, db: { user: u } }\n',
    );
    const config = { secrets: { tree }, outputs: [{ path: 'f.json', format: 'json', secret: 'tree' }] };
    const result = await app.render(config, ['--fixtures', fixtures]);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(JSON.parse(read('f.json')), { api: { v1: { token: 't' } }, db: { user: 'u' } });
    app.workspace.write('fixtures.yaml', 'tree: { db: text }\n');
    assert.equal((await app.render(config, ['--fixtures', fixtures])).code, 3);
  });

  test('3: fields that exclude each other', async () => {
    for (const [own, problem] of [
      [{ list: true, recursive: true }, /exclude each other/],
      [{ recursive: true, min_ttl: '1h' }, /`min_ttl` has no meaning with `recursive`/],
      [{ list: true, wrap_ttl: '1h' }, /`wrap_ttl` has no meaning with `list`/],
      [{ list: true, write: { a: 1 } }, /`write` has no meaning/],
      [{ include: ['a'] }, /`include` needs `list` or `recursive`/],
      [{ list: true, max_secrets: 3 }, /`max_secrets` needs `recursive`/],
    ] as const) {
      const result = await app.render({ secrets: { s: { path: 'secret/shop', ...own } } });
      assert.equal(result.code, 3, result.stderr);
      assert.match(failuresOf(result)[0]?.message ?? '', problem);
    }
  });
});
