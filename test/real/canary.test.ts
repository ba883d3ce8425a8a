import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import type { CliResult } from '../support/cli.ts';
import { needsPlugins } from '../support/needs.ts';
import { startStandIn, type Answer } from '../support/stand-in.ts';

const userpass = await needsPlugins('auth/userpass');

const CANARY = 'canary';

/** Every way in which a secret could show: what was fetched, sent, configured or held in the environment. */
describe('no secret shows in any output, at debug level, whatever goes wrong', userpass, () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { key: `${CANARY}-fetched`, quotes: `${CANARY}-'"\\`, number: 'x' });
    await app.server.api.post('sys/auth/userpass', { type: 'userpass' });
    await app.server.api.post('auth/userpass/users/alice', {
      password: `${CANARY}-password`,
      token_policies: ['app'],
    });
  });
  after(() => app.stop());

  const good: TestConfig = {
    auth: { method: 'userpass', username: 'alice', password: `${CANARY}-password` },
    secrets: { a: 'secret/a' },
    outputs: [{ path: 'c.txt', contents: '{{a.key}}' }],
  };

  const shows = (result: CliResult, ...files: readonly string[]): boolean =>
    [result.stdout, result.stderr, ...files].some((text) => text.includes(CANARY));

  const check = async (
    config: TestConfig,
    args: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<number> => {
    let code = 0;
    for (const format of ['json', 'text']) {
      const report = app.workspace.write('report.json', '');
      const flags = ['--log-level', 'debug', '--log-format', format, '--report', report, ...args];
      const message = app.workspace.write('termination-log', '');
      const result = await app.render(config, flags, {
        env: { ...env, VAULTONCE_TERMINATION_LOG: message },
      });
      const files = ['report.json', 'termination-log'].map((name) => app.workspace.read(name));
      assert.ok(files.every((text) => text !== ''));
      assert.ok(!shows(result, ...files), `${result.stdout}${result.stderr}`);
      code = result.code ?? -1;
    }
    return code;
  };

  const variations: readonly (readonly [
    name: string,
    code: number,
    config: TestConfig,
    env?: Record<string, string>,
  ])[] = [
    ['success', 0, good],
    [
      'a wrong password',
      4,
      { ...good, auth: { method: 'userpass', username: 'alice', password: `${CANARY}-wrong` } },
    ],
    ['a token that is not accepted', 4, { ...good, auth: { method: 'token', token: `s.${CANARY}` } }],
    ['a token of the environment', 4, { ...good, auth: { method: 'token' } }, { VAULT_TOKEN: `s.${CANARY}` }],
    ['a token that no header carries', 3, { ...good, auth: { method: 'token', token: `s.${CANARY}\ud800` } }],
    [
      'a proxy that is not supported',
      3,
      { ...good, vault: { address: 'http://vault.invalid' } },
      { HTTP_PROXY: `socks5://user:${CANARY}@127.0.0.1:1` },
    ],
    [
      'a proxy that is down',
      9,
      { ...good, vault: { address: 'http://vault.invalid', max_retries: 0 } },
      { HTTP_PROXY: `http://user:${CANARY}@127.0.0.1:1` },
    ],
    [
      'a CA that cannot be parsed',
      3,
      { ...good, vault: { address: 'https://127.0.0.1:1' } },
      { VAULT_CACERT_BYTES: `-----BEGIN CERTIFICATE-----\\n${CANARY}` },
    ],
    ['a jwt that is refused', 4, { ...good, auth: { method: 'jwt', jwt: `${CANARY}.${CANARY}.${CANARY}` } }],
    [
      'an approle that is refused',
      4,
      { ...good, auth: { method: 'approle', role_id: `${CANARY}-id`, secret_id: CANARY } },
    ],
    [
      'an aws login that is refused',
      4,
      { ...good, auth: { method: 'aws', role: 'r', access_key_id: 'a', secret_access_key: CANARY } },
      { AWS_EC2_METADATA_DISABLED: 'true' },
    ],
    [
      'a gcp key that is none',
      3,
      { ...good, auth: { method: 'gcp', type: 'iam', role: 'r', credentials: `{"private_key": "${CANARY}` } },
    ],
    [
      'an alicloud login that is refused',
      4,
      {
        ...good,
        auth: {
          method: 'alicloud',
          role: 'r',
          region: 'cn-hangzhou',
          access_key: 'a',
          access_secret: CANARY,
          security_token: `${CANARY}-token`,
        },
      },
    ],
    ['a missing key', 6, { ...good, outputs: [{ path: 'c.txt', contents: '{{a.kye}} {{a.key}}' }] }],
    [
      'a value that dotenv cannot carry',
      8,
      { ...good, outputs: [{ path: 'c.env', format: 'dotenv', secret: 'a' }] },
    ],
    [
      'a value that ini cannot carry',
      8,
      { ...good, outputs: [{ path: 'c.ini', format: 'ini', secret: 'a' }] },
    ],
    [
      'a name that a shell keeps for itself',
      8,
      {
        ...good,
        outputs: [{ path: 'c.sh', format: 'shell', secret: 'a', keys: { rename: { key: 'RANDOM' } } }],
      },
    ],
    [
      'a value that is not base64',
      8,
      { ...good, outputs: [{ path: 'c', secret: 'a', key: 'quotes', decode: 'base64' }] },
    ],
    [
      'a lambda that cannot decode',
      7,
      { ...good, outputs: [{ path: 'c', contents: '{{#@base64decode}}{{a.quotes}}{{/@base64decode}}' }] },
    ],
    [
      'a write that is refused',
      5,
      { ...good, secrets: { a: { path: 'sys/mounts/x', write: { type: `${CANARY}-type` } } } },
    ],
    ['a secret in the wrong place: a method', 3, { ...good, auth: { method: `${CANARY}-method` } }],
    ['a secret in the wrong place: a number', 3, { ...good, concurrency: `${CANARY}-number` }],
    [
      'a secret in the wrong place: a mode',
      3,
      { ...good, outputs: [{ path: 'c', contents: 'x', mode: CANARY }] },
    ],
    ['a secret in the wrong place: a path', 3, { ...good, secrets: { a: { path: `${CANARY}//x` } } }],
    ['a secret in the wrong place: an address', 3, { ...good, vault: { address: `user:${CANARY}@host` } }],
    ['a password in the address', 3, { ...good, vault: { address: `https://user:${CANARY}@host:8200` } }],
    ['a variable that is no boolean', 3, good, { VAULT_SKIP_VERIFY: CANARY }],
    [
      'an interpolated secret in a template that does not parse',
      7,
      { ...good, outputs: [{ path: 'c', contents: '${X} {{#a}}' }] },
      { X: CANARY },
    ],
    [
      'a role_id file that is a secret path',
      3,
      { ...good, auth: { method: 'approle', role_id: `a\n${CANARY}` } },
    ],
  ];
  for (const [name, code, config, env] of variations) {
    test(name, async () => {
      assert.equal(await check(config, [], env), code);
    });
  }

  test('a server that repeats what it was sent', async () => {
    const echo = await startStandIn({
      target: app.server.address,
      answer: ({ body, headers, path }): Answer => {
        const sent = `${body} ${String(headers['x-vault-token'])}`;
        if (path.includes('login') && body.includes(CANARY))
          return { status: 400, body: { errors: [`you sent ${sent}`] } };
        return { status: 403, body: { errors: [`you sent ${sent}`], warnings: [sent] } };
      },
    });
    try {
      assert.equal(await check(good, ['--address', echo.address]), 4);
      const token = { ...good, auth: { method: 'token', token: `s.${CANARY}-token` } };
      const write = {
        secrets: {
          a: { path: 'x/y', write: { plaintext: `${CANARY}-plain`, nested: { deep: [`${CANARY}-deep`] } } },
        },
        outputs: [],
      };
      assert.equal(await check({ ...token, ...write }, ['--address', echo.address]), 5);
    } finally {
      await echo.stop();
    }
  });

  test('outages, broken answers and connections', async () => {
    const answers: readonly Answer[] = [
      { status: 500, text: `<html>${CANARY}</html>` },
      { status: 200, text: `{"auth": {"client_token": "${CANARY}", ` },
      { status: 200, body: { auth: { token: CANARY } } },
      { status: 200, body: { auth: { client_token: `${CANARY}\n` } } },
      'drop',
      'hang',
    ];
    for (const answer of answers) {
      const standIn = await startStandIn({ answer: () => answer });
      const code = await check({ ...good, vault: { max_retries: 1 } }, [
        '--address',
        standIn.address,
        '--timeout',
        '1s',
      ]);
      assert.ok([4, 9, 124].includes(code), String(code));
      await standIn.stop();
    }
  });

  test('text of the server can be no command of a CI runner', async () => {
    const errors = [
      '::set-env name=X::y',
      '##vso[task.setvariable variable=x]y',
      'line\n::error::x',
      '##[section]x',
      '\u001b[31mred',
    ];
    const standIn = await startStandIn({ answer: () => ({ status: 400, body: { errors } }) });
    const result = await app.render(good, ['--address', standIn.address, '--log-format', 'text']);
    await standIn.stop();
    assert.equal(result.code, 4);
    assert.doesNotMatch(result.stderr, /::|##\[|##vso\[|\u001b/);
  });
});
