import { join } from 'node:path';
import type { Request } from './double.ts';
import { CANARY } from './canaries.ts';

/** Where a fault strikes. */
export interface Stage {
  readonly name: string;
  /** Which config the run has. */
  readonly scenario: Scenario;
  readonly strikes: (request: Request) => boolean;
  /** The server acts on it, and must not be asked a second time when it may have acted. */
  readonly mints: boolean;
  /** A run whose one fault here passes has to succeed. */
  readonly repeatable: boolean;
}

/** A config, and what a good run of it leaves behind. */
export interface Scenario {
  readonly name: string;
  readonly config: (address: string, directory: string) => object;
  /** Content by file name. */
  readonly files: Readonly<Record<string, string>>;
  /** A token is left after a good run: a lease hangs on it, or it was given. */
  readonly keepsToken: boolean;
  /** It also writes a Secret of the cluster. */
  readonly cluster: boolean;
}

const value = (key: string): string => `${CANARY}-value-${key}`;
const OUT = (directory: string): object => ({ directory: join(directory, 'out') });
const approle = { method: 'approle', role_id: 'app', secret_id: `${CANARY}-secret-id` };

const reads: Scenario = {
  name: 'reads',
  config: (address, directory) => ({
    vault: { address },
    auth: approle,
    secrets: { a: 'secret/a', b: 'secret/b', c: 'secret/c' },
    outputs: [
      { path: 'all.txt', contents: '{{a.key}} {{b.key}} {{c.key}}' },
      { path: 'a.json', format: 'json', secret: 'a' },
    ],
    output: OUT(directory),
    concurrency: 2,
  }),
  files: {
    'all.txt': `${value('a')} ${value('b')} ${value('c')}`,
    'a.json': `${JSON.stringify({ key: value('a') }, null, 2)}\n`,
  },
  keepsToken: false,
  cluster: false,
};

const mints: Scenario = {
  name: 'mints',
  config: (address, directory) => ({
    vault: { address },
    auth: {
      ...approle,
      secret_id: `${CANARY}-wrapping-token`,
      secret_id_wrapped: true,
      secret_id_creation_path: 'auth/approle/role/app/secret-id',
    },
    secrets: {
      web: { path: 'pki/issue/web', write: { common_name: 'web' } },
      db: 'database/creds/web',
    },
    outputs: [{ path: 'both.txt', contents: '{{web.private_key}} {{db.password}}' }],
    output: OUT(directory),
  }),
  files: { 'both.txt': `${CANARY}-private-key ${CANARY}-password` },
  keepsToken: true,
  cluster: false,
};

const tree: Scenario = {
  name: 'tree',
  config: (address, directory) => ({
    vault: { address },
    auth: approle,
    secrets: { all: { path: 'secret/app', engine: 'kv2', recursive: true } },
    outputs: [{ path: 'all.json', format: 'json', secret: 'all' }],
    output: OUT(directory),
  }),
  files: {
    'all.json': `${JSON.stringify({ a: { key: value('app/a') }, b: { key: value('app/b') } }, null, 2)}\n`,
  },
  keepsToken: false,
  cluster: false,
};

const given: Scenario = {
  name: 'given',
  config: (address, directory) => ({
    vault: { address },
    auth: { method: 'token', token: `s.${CANARY}-given`, renew: true },
    secrets: { a: { path: 'secret/a', engine: 'kv2' } },
    outputs: [
      { path: 'a.txt', contents: '{{a.key}}' },
      {
        kubernetes_secret: { name: 'web', key: 'a.env', service_account: join(directory, 'account') },
        format: 'dotenv',
        secret: 'a',
      },
    ],
    output: OUT(directory),
  }),
  files: { 'a.txt': value('a') },
  keepsToken: true,
  cluster: true,
};

const at =
  (path: string) =>
  (request: Request): boolean =>
    request.path === path;

const stage = (
  name: string,
  scenario: Scenario,
  strikes: Stage['strikes'],
  more: Partial<Pick<Stage, 'mints' | 'repeatable'>> = {},
): Stage => ({ name, scenario, strikes, mints: false, repeatable: true, ...more });

export const STAGES: readonly Stage[] = [
  stage('login', reads, at('auth/approle/login')),
  stage('look-up', reads, at('sys/internal/ui/mounts')),
  stage('first read', reads, at('secret/data/a')),
  stage('middle read', reads, at('secret/data/b')),
  stage('last read', reads, at('secret/data/c')),
  stage('revocation', reads, at('auth/token/revoke-self'), { repeatable: false }),
  stage('look into a wrapping', mints, at('sys/wrapping/lookup')),
  stage('unwrapping', mints, at('sys/wrapping/unwrap'), { mints: true, repeatable: false }),
  stage('minting write', mints, at('pki/issue/web'), { mints: true, repeatable: false }),
  stage('minting read', mints, at('database/creds/web'), { mints: true, repeatable: false }),
  stage('listing', tree, at('secret/metadata/app')),
  stage('read of a tree', tree, at('secret/data/app/b')),
  stage('renewal', given, at('auth/token/renew-self'), { repeatable: false }),
  stage('cluster', given, ({ path }) => path.startsWith('/api/'), { repeatable: false }),
];

/** Every request at once: for faults of connections, which know no path. */
export const EVERYWHERE: Stage = stage('every request', reads, () => true, { repeatable: false });
