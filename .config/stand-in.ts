import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createOwnCertificate } from './certificate.ts';

/** https: HTTP/2, as most runs have it; http: HTTP/1.1. */
export type Scheme = 'https' | 'http';

/** As much of a server as a run with `approle` and KV version 2 needs, without the work of a real one. */
export interface StandIn {
  readonly address: string;
  /** The certificate to trust; undefined without TLS. */
  readonly caFile: string | undefined;
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

/** @param directory where the certificate goes */
export async function startStandIn(scheme: Scheme, directory: string): Promise<StandIn> {
  const own = scheme === 'https' ? await createOwnCertificate() : undefined;
  let caFile: string | undefined;
  if (own !== undefined) {
    caFile = join(directory, 'ca.pem');
    writeFileSync(caFile, own.certificate);
  }
  const server =
    own === undefined
      ? createServer(answer)
      : createSecureServer({ cert: own.certificate, key: own.key }, answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `${scheme}://127.0.0.1:${String(port)}`,
    caFile,
    close() {
      if ('closeAllConnections' in server) server.closeAllConnections();
      server.close();
    },
  };
}

function answer(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): void {
  request.resume().on('end', () => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ request_id: 'build', ...(ANSWERS[request.url ?? ''] ?? SECRET) }));
  });
}
