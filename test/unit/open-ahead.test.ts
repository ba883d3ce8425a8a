import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openAhead, type ConnectionsAhead } from '../../src/http/open-ahead.ts';

describe('connections that are opened ahead', () => {
  let server: http.Server;
  let agent: http.Agent;
  let ahead: ConnectionsAhead;
  let nowMs: number;
  let sockets: Socket[];
  beforeEach(async () => {
    nowMs = 0;
    sockets = [];
    server = http.createServer((request, response) => {
      // The first answer waits until all connections are there, which no other request has asked for.
      const answer = (): unknown =>
        request.url === '/first' && sockets.length < 4
          ? server.once('connection', () => setImmediate(answer))
          : response.end('answer');
      answer();
    });
    server.on('connection', (socket: Socket) => sockets.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    ahead = openAhead(agent, () => nowMs);
    ahead.expect(4);
  });
  afterEach(async () => {
    ahead.close();
    agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const get = async (path: string): Promise<number | undefined> => {
    const { port } = server.address() as AddressInfo;
    const request = http.get({ host: '127.0.0.1', port, path, agent });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await response.resume().toArray();
    return response.statusCode;
  };
  const goOnFrom = (standing: Socket): void => {
    agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    ahead = openAhead(
      agent,
      () => nowMs,
      () => standing,
    );
    ahead.expect(4);
  };
  const getAll = async (): Promise<void> => {
    const statuses = await Promise.all(['/1', '/2', '/3', '/4'].map(get));
    assert.deepEqual(statuses, [200, 200, 200, 200]);
  };

  test('stand before they are asked for, and are used', async () => {
    assert.equal(await get('/first'), 200);
    await getAll();
    assert.equal(sockets.length, 4);
  });

  test('follow one that stands already', async () => {
    const { port } = server.address() as AddressInfo;
    const standing = connect(port, '127.0.0.1');
    await once(standing, 'connect');
    goOnFrom(standing);
    assert.equal(await get('/first'), 200);
    await getAll();
    assert.equal(sockets.length, 4);
  });

  test('do not follow one that has ended', async () => {
    const { port } = server.address() as AddressInfo;
    const ended = connect(port, '127.0.0.1').destroy();
    goOnFrom(ended);
    assert.equal(await get('/first'), 200);
  });

  test('are not used when they are old', async () => {
    await get('/first');
    nowMs = 5000;
    await getAll();
    // The first connection is kept alive by requests; the other three are made anew.
    assert.equal(sockets.length, 7);
  });

  test('are not used when the server has closed them', async () => {
    await get('/first');
    const [, ...spares] = sockets;
    // Closed in good order, and answered so: the client has seen it.
    await Promise.all(spares.map((socket) => once(socket.resume().end(), 'close')));
    await getAll();
    assert.equal(sockets.length, 7);
  });

  test('are closed with the run when nothing has used them', async () => {
    await get('/first');
    const [, ...spares] = sockets;
    const closed = Promise.all(spares.map((socket) => once(socket.resume(), 'close')));
    ahead.close();
    await closed;
  });
});
