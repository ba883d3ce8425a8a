import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { createIssued, type IssuedCertificate } from '../support/certificates.ts';
import { failuresOf, type CliResult } from '../support/cli.ts';
import { startStandIn, type StandIn } from '../support/stand-in.ts';

describe('what makes a server trusted', () => {
  let app: TestApp;
  let issued: IssuedCertificate;
  let leafOnly: StandIn;
  let withChain: StandIn;
  before(async () => {
    app = await startApp({ tls: true });
    await app.putKv2('a', { key: 'one' });
    issued = await createIssued(app.workspace.path('issued'));
    const start = (certFile: string): Promise<StandIn> =>
      startStandIn({
        target: app.server.address,
        tls: { cert: readFileSync(certFile), key: readFileSync(issued.keyFile) },
        answer: () => 'forward',
      });
    leafOnly = await start(issued.certFile);
    withChain = await start(issued.chainFile);
  });
  after(async () => {
    await leafOnly.stop();
    await withChain.stop();
    await app.stop();
  });

  const config: TestConfig = {
    secrets: { a: 'secret/a' },
    outputs: [{ path: 'f.txt', contents: '{{a.key}}' }],
  };
  const at = (address: string, tls: object, env: Record<string, string> = {}): Promise<CliResult> =>
    app.render({ ...config, vault: { address, tls } }, ['--timeout', '20s'], { env });

  test('the issuing CA alone, and the certificate itself, as for the official clients', async () => {
    for (const { address } of [leafOnly, withChain]) {
      for (const ca_cert of [issued.issuingFile, issued.certFile]) {
        const result = await at(address, { ca_cert });
        assert.equal(result.code, 0, result.stderr);
      }
    }
    assert.equal((await at(withChain.address, { ca_cert: issued.rootFile })).code, 0);
    assert.equal((await at(app.server.tlsAddress, { ca_cert: app.server.certificates.certFile })).code, 0);
  });

  test('a CA that is not the one: its file, what it holds, and which issuer was wanted', async () => {
    const { otherCaFile } = app.server.certificates;
    const cases: readonly (readonly [address: string, caFile: string, holds: string, issuer: string])[] = [
      [withChain.address, otherCaFile, 'CN=other-ca', 'CN=root-ca'],
      [leafOnly.address, issued.rootFile, 'CN=root-ca', 'CN=issuing'],
      [app.server.tlsAddress, otherCaFile, 'CN=other-ca', 'CN=ca'],
    ];
    for (const [address, ca_cert, holds, issuer] of cases) {
      const result = await at(address, { ca_cert });
      assert.equal(result.code, 9, result.stderr);
      const [failure] = failuresOf(result);
      assert.match(failure?.message ?? '', /is not trusted/);
      assert.match(failure?.hint ?? '', /only if the server sends the certificates in between$/);
      assert.deepEqual(failure?.details, [
        `the certificate of the server: CN=vault; the issuer wanted: ${issuer}`,
        `trusted, from ${ca_cert}: ${holds}`,
      ]);
    }
    const builtIn = await at(withChain.address, {});
    assert.deepEqual(failuresOf(builtIn)[0]?.details?.at(1), 'trusted: the built-in CAs');
    const named = await at(withChain.address, { ca_cert: issued.rootFile, server_name: 'vault.example.com' });
    assert.deepEqual(failuresOf(named)[0]?.details, ['the certificate is for IP Address:127.0.0.1']);
  });

  test('a server name that is an address is verified, over HTTP/2 and HTTP/1.1, and no name of the host', async () => {
    for (const [address, ca_cert] of [
      [app.server.tlsAddress, app.server.certificates.caFile],
      [withChain.address, issued.rootFile],
    ] as const) {
      const named = address.replace('127.0.0.1', 'localhost');
      const result = await at(named, { ca_cert, server_name: '127.0.0.1' });
      assert.equal(result.code, 0, result.stderr);
      // What a runtime warns of is no line of JSON.
      assert.ok(
        result.stderr
          .trim()
          .split('\n')
          .every((line) => line.startsWith('{')),
        result.stderr,
      );
      const other = await at(named, { ca_cert, server_name: '127.0.0.2' });
      assert.equal(other.code, 9, other.stderr);
      assert.match(failuresOf(other)[0]?.message ?? '', /is not trusted/);
    }
  });

  test('a CA that cannot be parsed is a mistake of the config, and names where it comes from', async () => {
    const pem = readFileSync(app.server.certificates.caFile, 'utf8');
    const oneLine = pem.trim().replaceAll('\n', '\\n');
    const half = pem.slice(0, pem.length / 2);
    const closed = `${half}\n-----END CERTIFICATE-----\n`;
    const file = (text: string): string => app.workspace.write('broken/ca.pem', text);
    const cases: readonly (readonly [tls: object, env: Record<string, string>, where: string])[] = [
      [{}, { VAULT_CACERT_BYTES: oneLine }, '$VAULT_CACERT_BYTES'],
      [{}, { BAO_CACERT_BYTES: half }, '$BAO_CACERT_BYTES'],
      [{ ca_cert_bytes: closed }, {}, 'vault.tls.ca_cert_bytes'],
      [{ ca_cert: file(`${pem}${closed}`) }, {}, app.workspace.path('broken/ca.pem')],
      [{ ca_path: app.workspace.path('broken') }, {}, app.workspace.path('broken/ca.pem')],
      [{}, { SSL_CERT_FILE: app.workspace.path('broken/ca.pem') }, app.workspace.path('broken/ca.pem')],
    ];
    for (const [tls, env, where] of cases) {
      const result = await at(app.server.tlsAddress, tls, env);
      assert.equal(result.code, 3, result.stderr);
      const [failure] = failuresOf(result);
      assert.match(failure?.message ?? '', /^(?:the CA certificate|CA certificate 2) cannot be parsed$/);
      // A key says its file and line, too.
      assert.equal(failure?.where?.replace(/^.*vaultonce\.yaml:\d+, /, ''), where);
    }
    const inline = await at(app.server.tlsAddress, {}, { VAULT_CACERT_BYTES: oneLine });
    assert.match(failuresOf(inline)[0]?.hint ?? '', /line breaks/);
  });

  test('NODE_EXTRA_CA_CERTS adds to the CAs of the system, and not to a CA of the config', async () => {
    const { caFile, otherCaFile } = app.server.certificates;
    const extra = { NODE_EXTRA_CA_CERTS: caFile };
    const { tlsAddress } = app.server;
    assert.equal((await at(tlsAddress, {}, extra)).code, 0);
    assert.equal((await at(tlsAddress, {}, { ...extra, SSL_CERT_FILE: otherCaFile })).code, 0);
    assert.equal((await at(tlsAddress, { system_ca: true }, extra)).code, 0);
    assert.equal((await at(tlsAddress, { ca_cert: otherCaFile }, extra)).code, 9);
  });
});
