import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Cancellation } from '../../src/base/cancellation.ts';
import { RunError } from '../../src/base/errors.ts';
import { openWire } from '../../src/http/open.ts';
import { NoAnswer, type HttpResponse, type Wire } from '../../src/http/wire.ts';
import { createCertificates, type Certificates } from '../support/certificates.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

describe('a wire', () => {
  let workspace: Workspace;
  let certificates: Certificates;
  before(async () => {
    workspace = createWorkspace();
    certificates = await createCertificates(workspace.path('.'));
  });
  after(() => {
    workspace.remove();
  });

  const listen = async (server: Server): Promise<string> => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  };
  const open = (address: string, connects: boolean, caFile = certificates.caFile): Promise<Wire> =>
    openWire(
      {
        address,
        proxyAddress: undefined,
        tls: {
          ca: { kind: 'file', value: caFile, from: 'ca_cert' },
          extraCa: undefined,
          clientCert: undefined,
          clientKey: undefined,
          clientKeyPassword: undefined,
          systemCa: false,
          serverName: undefined,
          skipVerify: false,
        },
      },
      undefined,
      { env: {}, now: () => performance.now() },
      { connects },
    );
  const get = (wire: Wire, address: string, signal = new Cancellation()): Promise<HttpResponse> =>
    wire.send({ method: 'GET', url: `${address}/`, headers: {}, once: false, signal });
  const identity = (): { readonly cert: Buffer; readonly key: Buffer } => ({
    cert: readFileSync(certificates.certFile),
    key: readFileSync(certificates.keyFile),
  });

  for (const connects of [false, true])
    describe(connects ? 'that connects while it is opened' : 'that is opened', () => {
      test('connects once without a request, which then goes over that connection', async () => {
        const server = createSecureServer(identity(), (_request, response) => response.end('answer'));
        let connections = 0;
        let requests = 0;
        server.on('secureConnection', () => (connections += 1)).on('request', () => (requests += 1));
        const address = await listen(server);
        const wire = await open(address, connects);
        const atFirst = wire.concurrency;
        const connected = once(server, 'secureConnection');
        wire.connect();
        wire.connect({ requests: 5 });
        await wire.flush();
        await connected;
        assert.equal(requests, 0);
        assert.equal((await get(wire, address)).text, 'answer');
        assert.deepEqual([connections, requests], [1, 1]);
        assert.ok(wire.concurrency > atFirst);
        wire.close();
        wire.close();
        server.close();
      });

      test('opens as many connections as requests are expected where each takes one', async () => {
        const server = createServer(identity(), (_request, response) => response.end('answer'));
        let connections = 0;
        const all = Promise.withResolvers<undefined>();
        server.on('secureConnection', () => {
          connections += 1;
          if (connections === 3) all.resolve(undefined);
        });
        const address = await listen(server);
        const wire = await open(address, connects);
        wire.connect();
        wire.connect({ requests: 3 });
        assert.equal((await get(wire, address)).text, 'answer');
        await all.promise;
        wire.close();
        server.close();
        await once(server, 'close');
        assert.equal(connections, 3);
      });

      test('leaves a failure of its connection to the request that needs it', async () => {
        const address = 'https://127.0.0.1:1';
        const wire = await open(address, connects);
        wire.connect();
        await wire.flush();
        await assert.rejects(
          get(wire, address),
          (error) => error instanceof NoAnswer && error.code === 'ECONNREFUSED',
        );
        wire.close();
      });
    });

  test('a connection that is begun while it is opened ends with it', async () => {
    const server = createTcpServer();
    const address = await listen(server);
    const closed = async (): Promise<void> => {
      const [socket] = (await once(server, 'connection')) as [Socket];
      socket.on('error', () => undefined).resume();
      await once(socket, 'close');
    };
    const none = closed();
    await assert.rejects(open(address, true, workspace.write('empty.pem', '')), RunError);
    await none;
    const unused = closed();
    (await open(address, true)).close();
    await unused;
    const silent = closed();
    const wire = await open(address, true);
    const cancellation = new Cancellation();
    const asked = get(wire, address, cancellation);
    setTimeout(() => {
      cancellation.abort(undefined);
    }, 50);
    await assert.rejects(asked, NoAnswer);
    await silent;
    wire.close();
    server.close();
  });
});
