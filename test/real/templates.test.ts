import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import { failuresOf } from '../support/cli.ts';

describe('templates', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('db', {
      username: 'app',
      password: 'p&ss',
      hosts: ['a', 'b'],
      tls: { crt: 'line1\nline2' },
    });
  });
  after(() => app.stop());

  test('files beside the config, partials beside the template, sections, lists, nested keys', async () => {
    app.workspace.write(
      'conf/templates/app.mustache',
      'user={{db.username}}\n  {{> part}}\n{{#db}}{{password}}{{/db}}\n',
    );
    app.workspace.write(
      'conf/templates/part.mustache',
      'hosts:{{#db.hosts}} {{.}}{{/db.hosts}}\ntls: {{db.tls.crt}}\n',
    );
    const config = app.config(
      { secrets: { db: 'secret/db' }, outputs: [{ path: 't.txt', template: 'templates/app.mustache' }] },
      'conf/vaultonce.yaml',
    );
    const { runCli } = await import('../support/cli.ts');
    const result = await runCli(['render', '-c', config], { cwd: '/' });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/t.txt'), 'user=app\n  hosts: a b\n  tls: line1\nline2\np&ss\n');
  });

  test('all missing keys at once, each with output, template line, path and known keys; missing secrets with them', async () => {
    app.workspace.write(
      'missing.mustache',
      'fine={{db.username}}\nx={{db.pasword}}\n{{#db.nothing}}{{/db.nothing}}\ny={{db.@lease_id}}\n',
    );
    const result = await app.render({
      secrets: { db: 'secret/db', gone: 'secret/gone' },
      outputs: [
        { path: 'm.txt', template: 'missing.mustache' },
        { path: 'n.txt', contents: '{{db.host}} {{gone.key}}' },
        { path: 'o.txt', secret: 'db', key: 'port' },
      ],
    });
    assert.equal(result.code, 6);
    const failures = failuresOf(result);
    assert.equal(failures.length, 5, result.stderr);
    const misspelt = failures.find(({ message }) => message?.includes('pasword'));
    assert.match(misspelt?.where ?? '', /outputs\[0\] \(m\.txt\), missing\.mustache:2$/);
    assert.match(misspelt?.message ?? '', /secret `db` \(secret\/data\/db\) has no key `pasword`/);
    assert.deepEqual(misspelt?.details, ['known keys: hosts, password, tls, username']);
    assert.match(misspelt.hint ?? '', /did you mean `password`/);
    assert.ok(failures.some(({ where }) => where?.endsWith('missing.mustache:4')));
    assert.ok(failures.some(({ where }) => where?.endsWith('contents:1')));
    assert.ok(failures.some(({ message }) => message?.includes('secret/data/gone does not exist')));
    assert.deepEqual(
      app.workspace.list('.').filter((name) => /^out\/[mno]\.txt/.test(name)),
      [],
    );
  });

  test('an undeclared secret and a template that does not parse are told before any request', async () => {
    app.server.takeAudit();
    const undeclared = await app.render({
      secrets: { db: 'secret/db' },
      outputs: [
        { path: 'a', contents: 'x\n{{bd.password}}' },
        { path: 'b', format: 'json', secret: 'cache' },
        { path: 'c', contents: '{{#@json}}{{other.key}}{{/@json}}' },
      ],
      environment: { X: 'nobody#key' },
    });
    assert.equal(undeclared.code, 3);
    const failures = failuresOf(undeclared);
    assert.equal(failures.length, 4, undeclared.stderr);
    assert.match(failures[0]?.hint ?? '', /did you mean `db`/);
    assert.match(failures[0]?.where ?? '', /contents:2$/);
    const syntax = await app.render({
      secrets: { db: 'secret/db' },
      outputs: [
        { path: 'a', contents: 'one\n{{#db}}never closed' },
        { path: 'b', contents: 'x {{db.password' },
        { path: 'c', contents: '{{/db}}' },
        { path: 'd', contents: '{{db.@versoin}}' },
        { path: 'e', contents: '{{@json}}' },
      ],
    });
    assert.equal(syntax.code, 7);
    assert.equal(failuresOf(syntax).length, 5);
    assert.match(failuresOf(syntax)[3]?.hint ?? '', /@version/);
    assert.deepEqual(requestsOf(app.server), []);
  });

  test('a missing template or partial, and a partial outside the directory', async () => {
    app.workspace.write('uses.mustache', '{{> nowhere}}');
    app.workspace.write('escapes.mustache', '{{> ../secret}}');
    for (const template of ['absent.mustache', 'uses.mustache', 'escapes.mustache']) {
      const result = await app.render({ secrets: { db: 'secret/db' }, outputs: [{ path: 'a', template }] });
      assert.equal(result.code, 3, template);
      assert.match(failuresOf(result)[0]?.where ?? '', /outputs\[0\] \(a\)/);
    }
  });

  test('a partial that includes itself without end', async () => {
    app.workspace.write('loop.mustache', 'x{{> loop}}');
    const result = await app.render({
      secrets: { db: 'secret/db' },
      outputs: [{ path: 'a', template: 'loop.mustache' }],
    });
    assert.equal(result.code, 7, result.stderr);
  });
});
