import { execFile, spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { chmod, chown, cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { arch, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import type { TestServer } from './server.ts';
import { carriedBinaries, isExecutable } from './wheel.ts';

const run = promisify(execFile);

const VERSION = '0.1.4';
/** Inside of the wheel. */
const CARRIED_BIN = 'pgserver/pginstall/bin';
const CARRIED_ROOT = relative(CARRIED_BIN, '.');
const READY_WITHIN_MS = 30_000;
/** PostgreSQL refuses to run as root. */
const NOBODY = 65534;

/** A real PostgreSQL of a test's own, on loopback, with the superuser `admin`. */
export interface TestDatabase {
  readonly port: number;
  readonly password: string;
  /** Runs SQL as the superuser, and returns the rows as text. */
  query(sql: string): Promise<string>;
  /** Whether somebody can log in. */
  canLogIn(user: string, password: string): Promise<boolean>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'vaultonce-postgres-'));
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  if (isRoot) await chown(directory, NOBODY, NOBODY);
  const bin = await reachableBinaries(isRoot ? directory : undefined);
  const password = 'password-of-the-superuser';
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  await run('sh', ['-c', `printf %s "$1" > "$2"`, 'sh', password, passwordFile], user);
  await run(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'admin', `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--no-sync'],
    { ...user, cwd: directory },
  );
  const port = await freePort();
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', directory, '-F'],
    { ...user, cwd: directory, stdio: 'ignore' },
  );
  const query = async (sql: string, as = 'admin', secret = password): Promise<string> => {
    const args = ['-h', '127.0.0.1', '-p', String(port), '-U', as, '-d', 'postgres', '-Atc', sql];
    return (await run(join(bin, 'psql'), args, { env: { PGPASSWORD: secret } })).stdout.trim();
  };
  const stop = async (): Promise<void> => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.kill('SIGINT')) await ended;
    await rm(directory, { recursive: true, force: true });
  };
  process.once('exit', () => {
    child.kill('SIGKILL');
  });
  for (const end = Date.now() + READY_WITHIN_MS; ;) {
    const ready = await query('select 1').catch(() => undefined);
    if (ready === '1') break;
    if (child.exitCode === null && Date.now() < end) await delay(50);
    else {
      await stop();
      throw new Error('PostgreSQL did not start');
    }
  }
  return {
    port,
    password,
    query: (sql: string) => query(sql),
    canLogIn: (who, secret) =>
      query('select 1', who, secret).then(
        () => true,
        () => false,
      ),
    stop,
  };
}

/** @param copyTo where another user can get at it, which need not be true of a clone of this repository */
async function reachableBinaries(copyTo: string | undefined): Promise<string> {
  const bin = await findBinaries();
  if (copyTo === undefined || bin.startsWith('/usr/')) return bin;
  const installed = join(copyTo, 'installed');
  await cp(join(bin, CARRIED_ROOT), installed, { recursive: true });
  return join(installed, CARRIED_BIN);
}

/**
 * Where Debian puts them, or what the PyPI package `pgserver` carries.
 * @throws where neither can be had
 */
export async function findBinaries(): Promise<string> {
  const [debian] = globSync('/usr/lib/postgresql/*/bin').sort().reverse();
  if (debian !== undefined && (await isExecutable(join(debian, 'psql')))) return debian;
  const machine = arch() === 'arm64' ? 'aarch64' : 'x86_64';
  const installed = await carriedBinaries({
    packageName: 'pgserver',
    version: VERSION,
    // The binaries do not care for the version of Python.
    pipArguments: ['--only-binary=:all:', '--python-version=3.11', `--platform=manylinux_2_17_${machine}`],
    // Libraries are in a directory beside that of the programs.
    directory: (files) => (files.includes('pgserver.libs') ? '.' : undefined),
    cachedAs: `postgres-${VERSION}`,
    program: join(CARRIED_BIN, 'postgres'),
    async prepare(directory) {
      const programs = join(directory, CARRIED_BIN);
      for (const name of await readdir(programs)) await chmod(join(programs, name), 0o755);
    },
  });
  return join(installed, CARRIED_BIN);
}

/** Mounts the engine at `database/`, with all roles for this database. */
export async function mountDatabase({ api }: TestServer, { port, password }: TestDatabase): Promise<void> {
  await api.post('sys/mounts/database', { type: 'database' });
  await api.post('database/config/app', {
    plugin_name: 'postgresql-database-plugin',
    allowed_roles: ['*'],
    connection_url: `postgresql://{{username}}:{{password}}@127.0.0.1:${String(port)}/postgres?sslmode=disable`,
    username: 'admin',
    password,
  });
}

/** A role whose users live that long. */
export async function createDatabaseRole(
  { api }: TestServer,
  name: string,
  ttls: { readonly default_ttl: string; readonly max_ttl: string },
): Promise<void> {
  await api.post(`database/roles/${name}`, {
    db_name: 'app',
    creation_statements: [
      `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';`,
    ],
    ...ttls,
  });
}
