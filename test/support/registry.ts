import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A package registry, of which npm asks and to which it publishes what it would of and to the public one. */
export interface Registry {
  readonly url: string;
  /** How often it was asked for something. */
  readonly asked: number;
  /** What was published to it, in this order, as `name@version`. */
  readonly published: readonly string[];
  /** Whether publishing of packages with this name fails from now on. */
  refuse(name: string, refused: boolean): void;
  add(tarball: string): void;
  close(): Promise<void>;
}

interface Version {
  readonly name: string;
  readonly version: string;
  readonly dist: { readonly tarball: string; readonly integrity: string };
}

interface Publication {
  readonly versions: Readonly<Record<string, Version>>;
  readonly _attachments: Readonly<Record<string, { readonly data: string }>>;
}

export async function startRegistry(tarballs: readonly string[] = []): Promise<Registry> {
  const versions: Version[] = [];
  const contents = new Map<string, Buffer>();
  const published: string[] = [];
  const refused = new Set<string>();
  let url = '';
  let asked = 0;

  const keep = (manifest: { readonly name: string; readonly version: string }, content: Buffer): void => {
    const path = `/-/${String(contents.size)}.tgz`;
    contents.set(path, content);
    const integrity = `sha512-${hash('sha512', content, 'base64')}`;
    versions.push({ ...manifest, dist: { tarball: `${url}${path}`, integrity } });
  };
  const add = (tarball: string): void => {
    const manifest = execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' });
    keep(JSON.parse(manifest) as Version, readFileSync(tarball));
  };
  const publish = (publication: Publication): void => {
    const [version] = Object.values(publication.versions);
    const [attachment] = Object.values(publication._attachments);
    if (version === undefined || attachment === undefined) throw new Error('nothing was published');
    published.push(`${version.name}@${version.version}`);
    keep(version, Buffer.from(attachment.data, 'base64'));
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '';
    const tarball = contents.get(path);
    if (tarball !== undefined) return void response.end(tarball);
    const name = decodeURIComponent(path.slice(1).split('?')[0] ?? '');
    if (request.method === 'PUT') {
      if (refused.has(name)) return void response.writeHead(403).end('{"error":"refused"}');
      publish(JSON.parse(await text(request)) as Publication);
      return void response.writeHead(201).end('{}');
    }
    const ofName = versions.filter((version) => version.name === name);
    const latest = ofName.at(-1)?.version;
    if (latest === undefined) return void response.writeHead(404).end('{"error":"not found"}');
    const all = Object.fromEntries(ofName.map((version) => [version.version, version]));
    response.end(JSON.stringify({ name, 'dist-tags': { latest }, versions: all }));
  };

  const server = createServer((request, response) => {
    asked += 1;
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  tarballs.forEach(add);
  return {
    url,
    get asked() {
      return asked;
    },
    published,
    refuse(name, isRefused) {
      if (isRefused) refused.add(name);
      else refused.delete(name);
    },
    add,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
