import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RunError } from '../../src/base/errors.ts';
import { configFrom } from '../../src/config/load.ts';
import { sourceText } from '../../src/config/source.ts';

const around = { env: {}, cwd: '/work' };
const text = `
vault: { address: "https://vault.example.com" }
auth: { method: kubernetes, role: "\${ROLE:-web}" }
secrets: { db: secret/app/db }
outputs:
  - { path: db.env, format: dotenv, secret: db }
`;

describe('a config of texts that have been read', () => {
  test('is what the same files would be: merged, completed, with the names for messages', async () => {
    const more = '{ "secrets": { "api": { "path": "secret/app/api", "min_ttl": "5m" } }, "timeout": 10 }';
    const config = await configFrom(
      [sourceText('pod web, parameter config', text, '/a'), sourceText('more', more, '/b')],
      around,
    );
    assert.deepEqual(config.sources, ['pod web, parameter config', 'more']);
    assert.equal(config.server.address, 'https://vault.example.com');
    assert.equal(config.timeoutMs, 10_000);
    assert.deepEqual(
      config.secrets.map(({ name, where, minTtlMs }) => [name, where, minTtlMs]),
      [
        ['db', 'pod web, parameter config:4, secrets.db', undefined],
        ['api', 'more, secrets.api', 300_000],
      ],
    );
    assert.deepEqual(
      config.outputs.map(({ path }) => path),
      ['/work/db.env'],
    );
  });

  test('takes variables from the caller alone', async () => {
    const [auth] = (await configFrom([sourceText('x', text, '/')], { ...around, env: { ROLE: 'api' } })).auth;
    assert.equal('role' in auth ? auth.role : undefined, 'api');
  });

  test('has all its problems reported, each with its text and line', async () => {
    const wrong = text.replace('path: db.env', 'pth: db.env').replace('secret/app/db', 'secret//db');
    await assert.rejects(
      configFrom([sourceText('pod web', wrong, '/')], around),
      (error) =>
        error instanceof RunError &&
        error.exitCode === 3 &&
        error.failures.length === 3 &&
        error.failures.every(({ where = '' }) => /^pod web:[46]$/.test(where)),
    );
  });
});
