import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, logLines, runCli, type CliResult } from '../support/cli.ts';
import { startConnectProxy, type ConnectProxy } from '../support/connect-proxy.ts';
import { startStandIn } from '../support/stand-in.ts';

/** A name in the certificate of the server that does not resolve: only the proxy knows the way. */
const HOST = 'vault.internal:8200';
const ADDRESSES = [`http://${HOST}`, `https://${HOST}`];

describe('a proxy', () => {
  let app: TestApp;
  let proxy: ConnectProxy;
  before(async () => {
    app = await startApp({ tls: true });
    await app.putKv2('a', { key: 'one' });
    proxy = await startConnectProxy({ tls: app.server.tlsAddress, plain: app.server.address });
  });
  after(async () => {
    await proxy.stop();
    await app.stop();
  });

  const config: TestConfig = {
    secrets: { a: 'secret/a' },
    outputs: [{ path: 'f.txt', contents: '{{a.key}}' }],
  };
  const both = (value: string): Record<string, string> => ({ HTTP_PROXY: value, HTTPS_PROXY: value });
  const at = (
    address: string,
    env: Record<string, string>,
    { vault = {}, args = ['--timeout', '20s'] }: { vault?: object; args?: readonly string[] } = {},
  ): Promise<CliResult> =>
    app.render(
      { ...config, vault: { address, tls: { ca_cert: app.server.certificates.caFile }, ...vault } },
      args,
      {
        env,
      },
    );
  const retriesOf = (result: CliResult): number =>
    logLines(result).filter(({ event }) => event === 'retrying').length;

  test('of the environment or the config is used, with and without a scheme, and with a login', async () => {
    for (const address of ADDRESSES) {
      for (const [env, vault] of [
        [both(`http://${proxy.name}`), {}],
        [both(proxy.name), {}],
        [both(`http://user:pass@${proxy.name}`), {}],
        [{ VAULT_PROXY_ADDR: proxy.name, NO_PROXY: '*' }, {}],
        [{ VAULT_HTTP_PROXY: `http://${proxy.name}` }, {}],
        [{}, { proxy_address: `http://${proxy.name}` }],
      ] as const) {
        proxy.become('forward');
        const result = await at(address, env, { vault });
        assert.equal(result.code, 0, result.stderr);
        const wanted = address.startsWith('https')
          ? `CONNECT ${HOST}`
          : `POST http://${HOST}/v1/auth/approle/login`;
        assert.equal(proxy.asked[0], wanted);
        const login = JSON.stringify(env).includes('user:pass') ? 'Basic dXNlcjpwYXNz' : undefined;
        assert.ok(proxy.logins.every((one) => one === login));
      }
    }
  });

  test('is left out for the domains and blocks of NO_PROXY, and for this machine', async () => {
    proxy.become('forward');
    for (const address of ADDRESSES) {
      const env = { ...both(proxy.name), NO_PROXY: 'example.com,internal' };
      assert.equal(
        (await at(address, env, { args: ['--timeout', '3s'], vault: { max_retries: 0 } })).code,
        9,
      );
    }
    for (const address of [app.server.address, app.server.tlsAddress]) {
      assert.equal((await at(address, both(proxy.name))).code, 0);
    }
    // 0.0.0.0 leads to this machine, but is no loopback address.
    const block = app.server.address.replace('127.0.0.1', '0.0.0.0');
    assert.equal((await at(block, { ...both(proxy.name), NO_PROXY: '0.0.0.0/8' })).code, 0);
    assert.deepEqual(proxy.asked, []);
    assert.equal((await at(block, { ...both(proxy.name), NO_PROXY: '10.0.0.0/8' })).code, 0);
    assert.notDeepEqual(proxy.asked, []);
  });

  test('that is down, refuses, breaks off or hangs is named as the proxy', async () => {
    const down = await startConnectProxy({ tls: '', plain: '' });
    await down.stop();
    for (const address of ADDRESSES) {
      const isTls = address.startsWith('https');
      const fails = async (message: RegExp, hint: RegExp, name = proxy.name): Promise<CliResult> => {
        const env = both(`http://user:canary@${name}`);
        const vault = { max_retries: 1, client_timeout: '500ms' };
        const result = await at(address, env, { vault });
        assert.equal(result.code, 9, result.stderr);
        const [failure] = failuresOf(result);
        assert.match(failure?.message ?? '', message);
        assert.ok(failure?.message?.includes(name), failure?.message);
        assert.match(failure?.hint ?? '', hint);
        assert.doesNotMatch(result.stderr, /canary/);
        return result;
      };
      const variable = isTls ? /\$HTTPS_PROXY/ : /\$HTTP_PROXY/;
      await fails(/^the proxy \S+ refused the connection \(after 2 attempts\)$/, variable, down.name);
      proxy.become(407);
      const asked = await fails(/^the proxy \S+ asks for a user and a password \(407\)$/, variable);
      assert.equal(retriesOf(asked), 0);
      proxy.become('hang');
      await fails(
        / did not answer within 0.5 s, through the proxy \S+ \(after 2 attempts\)$/,
        /client_timeout/,
      );
      const late = await at(address, both(`http://user:canary@${proxy.name}`), {
        args: ['--timeout', '1s'],
        vault: { client_timeout: '10s' },
      });
      assert.equal(late.code, 124, late.stderr);
      const through = `, through the proxy ${proxy.name}, for `;
      assert.ok(failuresOf(late)[0]?.details?.[0]?.includes(through), late.stderr);
      assert.doesNotMatch(late.stderr, /canary/);
      if (!isTls) continue;
      proxy.become(403);
      const refused = await fails(/^the proxy \S+ did not connect to the server \(403\)$/, /NO_PROXY/);
      assert.equal(retriesOf(refused), 0);
      for (const status of [408, 429, 502]) {
        proxy.become(status);
        const message = new RegExp(
          `^the proxy \\S+ did not connect to the server \\(${String(status)}\\) \\(after 2 attempts\\)$`,
        );
        await fails(message, /NO_PROXY/);
      }
      proxy.become('close');
      await fails(/^the connection to the proxy \S+ failed \(CLOSED\) \(after 2 attempts\)$/, variable);
    }
    proxy.become('forward');
  });

  test('of $ALL_PROXY, which the official clients do not know, is not used', async () => {
    const env = { ALL_PROXY: `http://${proxy.name}`, all_proxy: `http://${proxy.name}` };
    proxy.become('forward');
    // 0.0.0.0 leads to this machine, but is no loopback address.
    const block = app.server.address.replace('127.0.0.1', '0.0.0.0');
    for (const address of [app.server.address, app.server.tlsAddress, block]) {
      const result = await at(address, env);
      assert.equal(result.code, 0, result.stderr);
    }
    const healthy = await startStandIn({ answer: () => ({ status: 200, body: {} }) });
    const watch = { health: { address: new URL(healthy.address).host } };
    const probed = await runCli(['watch', '--probe', '-c', app.config({ ...config, watch })], { env });
    await healthy.stop();
    assert.equal(probed.code, 0, probed.stderr);
    assert.deepEqual(proxy.asked, []);
  });

  test('that speaks TLS itself is trusted as the server is, and named where it is not', async (t) => {
    const { certificates, tlsAddress, address: plainAddress } = app.server;
    const [cert, key] = [readFileSync(certificates.certFile), readFileSync(certificates.keyFile)];
    const secure = await startConnectProxy({ tls: tlsAddress, plain: plainAddress }, { cert, key });
    t.after(() => secure.stop());
    for (const address of ADDRESSES) {
      const isTls = address.startsWith('https');
      const through = (tls: object, user = ''): Promise<CliResult> =>
        at(address, both(`https://${user}${secure.name}`), { vault: { tls } });
      const trust = { ca_cert: certificates.caFile };
      for (const tls of [trust, { skip_verify: true }]) {
        secure.become('forward');
        const result = await through(tls, 'user:pass@');
        assert.equal(result.code, 0, result.stderr);
        assert.ok(secure.asked[0]?.startsWith(isTls ? 'CONNECT ' : 'POST '), secure.asked[0]);
        assert.ok(secure.logins.every((login) => login === 'Basic dXNlcjpwYXNz'));
      }
      secure.become('forward');
      for (const tls of [{}, { ca_cert: certificates.otherCaFile }]) {
        const result = await through(tls);
        assert.equal(result.code, 9, result.stderr);
        const told = JSON.stringify(failuresOf(result));
        assert.ok(told.includes(`"the TLS certificate of the proxy ${secure.name} is not trusted (`), told);
        assert.match(told, /ca_cert/);
        assert.equal(retriesOf(result), 0);
      }
      assert.deepEqual(secure.asked, []);
      secure.become(isTls ? 403 : 407);
      assert.equal((await through(trust)).code, 9);
      secure.become('hang');
      const vault = { tls: trust, client_timeout: '500ms', max_retries: 1 };
      const hung = await at(address, both(`https://${secure.name}`), { vault });
      assert.equal(hung.code, 9, hung.stderr);
      assert.match(JSON.stringify(failuresOf(hung)), /did not answer within 0.5 s, through the proxy/);
      const plain = await at(address, both(`https://${proxy.name}`));
      assert.equal(plain.code, 9, plain.stderr);
      assert.match(JSON.stringify(failuresOf(plain)), /does not speak TLS, write http:\/\//);
    }
  });

  test('of another kind is refused before any request', async () => {
    for (const value of ['socks5://127.0.0.1:1080', 'ftp://127.0.0.1']) {
      for (const [env, where] of [
        [{ HTTPS_PROXY: value }, '$HTTPS_PROXY'],
        [{ https_proxy: value }, '$https_proxy'],
        [{ VAULT_PROXY_ADDR: value }, '$VAULT_PROXY_ADDR'],
      ] as const) {
        const result = await at(`https://${HOST}`, env);
        assert.equal(result.code, 3, result.stderr);
        assert.equal(failuresOf(result)[0]?.where, where);
      }
      const unused = await at(app.server.tlsAddress, { HTTPS_PROXY: value });
      assert.equal(unused.code, 0, unused.stderr);
    }
  });

  test('is used for third parties by the same rules', async (t) => {
    const issuer = await startStandIn({ answer: () => ({ status: 200, body: { value: 'x.y.z' } }) });
    const between = await startConnectProxy({ tls: app.server.tlsAddress, plain: issuer.address });
    t.after(async () => {
      await between.stop();
      await issuer.stop();
    });
    const jwt = { method: 'jwt', role: 'r', source: 'github-actions' };
    const run = (env: Record<string, string>): Promise<CliResult> =>
      app.render({ ...config, auth: jwt, vault: { address: app.server.address } }, ['--timeout', '20s'], {
        env: {
          ACTIONS_ID_TOKEN_REQUEST_URL: 'http://idp.example.test/token?x=1',
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: 't',
          ...env,
        },
      });
    await run({ HTTP_PROXY: between.name });
    assert.match(between.asked[0] ?? '', /^GET http:\/\/idp\.example\.test\/token/);
    between.become('forward');
    await run({ HTTP_PROXY: between.name, NO_PROXY: 'example.test' });
    assert.deepEqual(between.asked, []);
    between.become(407);
    const refused = await run({ HTTP_PROXY: between.name });
    assert.equal(refused.code, 9, refused.stderr);
    assert.match(failuresOf(refused)[0]?.message ?? '', /cannot be reached: the proxy \S+ asks for a user/);
  });

  test('is used for the AWS SDK by the same rules', async () => {
    const token = app.workspace.write('web-identity', 'x.y.z');
    const run = (env: Record<string, string>): Promise<CliResult> =>
      app.render(
        { ...config, auth: { method: 'aws', role: 'r' }, vault: { address: app.server.address } },
        ['--timeout', '3s'],
        {
          env: {
            AWS_REGION: 'eu-west-1',
            AWS_WEB_IDENTITY_TOKEN_FILE: token,
            AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/r',
            ...env,
          },
        },
      );
    proxy.become(403);
    await run({ HTTPS_PROXY: proxy.name });
    assert.equal(proxy.asked[0], 'CONNECT sts.eu-west-1.amazonaws.com:443');
    for (const NO_PROXY of ['amazonaws.com', '.amazonaws.com', '*.com', '*']) {
      proxy.become(403);
      await run({ HTTPS_PROXY: proxy.name, NO_PROXY });
      assert.deepEqual(proxy.asked, [], NO_PROXY);
    }
    assert.equal((await run({ HTTPS_PROXY: 'socks5://127.0.0.1:1' })).code, 3);
  });
});
