import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As much of a server as a run with `approle` and KV version 2 needs, without the work of a real one. */
export interface StandIn {
  readonly address: string;
  close(): void;
}

const ANSWERS: Readonly<Record<string, unknown>> = {
  '/v1/auth/approle/login': {
    auth: { client_token: 's.build', policies: ['default'], token_type: 'service', lease_duration: 60 },
  },
  '/v1/sys/internal/ui/mounts': {
    data: { secret: { 'secret/': { type: 'kv', options: { version: '2' } } } },
  },
  '/v1/auth/token/revoke-self': {},
};
const SECRET = {
  data: { data: { username: 'app', password: "it's 1 secret", port: 5432 }, metadata: { version: 1 } },
};

export async function startStandIn(): Promise<StandIn> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ request_id: 'build', ...(ANSWERS[request.url ?? ''] ?? SECRET) }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
