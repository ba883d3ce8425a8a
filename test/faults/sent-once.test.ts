import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { IS_STANDALONE } from '../support/cli.ts';

const ROOT = join(import.meta.dirname, '../..');
const RUNTIME = IS_STANDALONE ? join(ROOT, 'node_modules/.bin/bun') : process.execPath;

const ANSWER = '{"request_id":"r","data":{"k":"v"}}';

/** RFC 9110 lets a client repeat what it calls idempotent; a PUT that makes a certificate must not be. */
describe('a request that mints is sent once when its connection ends', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
  });

  for (const verb of ['GET', 'LIST', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD']) {
    test(verb, async () => {
      const lines: string[] = [];
      server = createServer((socket) => {
        // A connection that is reset is no failure of the test.
        socket.on('error', () => undefined);
        socket.on('data', (data: Buffer) => {
          lines.push(data.toString().split('\r\n', 1)[0] ?? '');
          if (lines.length > 1) socket.destroy();
          else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${String(ANSWER.length)}\r\n\r\n${ANSWER}`);
        });
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
      const objects = `- { objectName: first, secretPath: a, secretKey: k }\n- { objectName: second, secretPath: b, method: ${verb}, secretArgs: { c: d } }`;
      const host = join(ROOT, 'test/support/class-host.ts');
      const { stdout } = await promisify(execFile)(RUNTIME, [host, address, '', 't', objects, 'once'], {
        env: {},
      });
      assert.deepEqual(JSON.parse(stdout), { first: 'v', second: 'ECONNRESET' });
      const sent = verb === 'LIST' ? 'GET /v1/b?list=true HTTP/1.1' : `${verb} /v1/b HTTP/1.1`;
      // After a failure it is looked at whether the server speaks TLS.
      const requests = lines.filter((line) => line.endsWith('HTTP/1.1'));
      assert.deepEqual(requests, ['GET /v1/a HTTP/1.1', sent]);
    });
  }
});
