import { LOGIN_MOUNTS, loginPath } from '../auth/login-mounts.ts';
import { readPlainYaml } from '../config/plain-yaml.ts';
import { resolveServer } from '../config/server-settings.ts';
import { DEFAULT_FILE } from '../config/source.ts';
import { noteInherited } from '../host/inherited-descriptors.ts';
import { isRegularFile, readInput } from '../host/input-file.ts';
import { beginsOne } from '../http/begun-request.ts';
import { fetchLate, open, settingsOf } from '../http/bun-session.ts';
import { leaveFirst, wakeHttpThread } from '../http/first-connection.ts';
import { namesProxy } from '../http/proxy.ts';
import type { ServerSettings } from '../http/server.ts';
import type { RequestHead } from '../http/wire.ts';
import { headOfLogin } from '../vault/request-head.ts';

/**
 * The first thing that the standalone binary does, while the rest of the program is not even loaded: where a look at the command line
 * and at the config says plainly where the login goes, its head goes there, and with it the handshakes take place meanwhile. It has no
 * credential in it. On any doubt nothing is begun. The program finds out by itself where to log in: if that is elsewhere, or with other
 * TLS settings, or nowhere, this is taken back.
 */

type Env = typeof process.env;

/** Of a larger config, being read twice takes longer than what is won. */
const LARGEST_BYTES = 32 * 1024;
/** Nothing that is done here takes notice of it. */
const TIMEOUT_MS = 60_000;
/** The commands that log in once, as `render` does. */
const COMMAND = /^(?:render|exec|env)$/;
const CONFIG = /^(?:-c|--config)$/;
const SWITCH = /^(?:-q|--quiet|--allow-disk)$/;
const WITH_VALUE = /^--(?:report|log-level|log-format|out)$/;
/** They say where the config is, or what else goes before it. */
const OWN_VARIABLE = /^VAULTONCE_(?!REPORT$|LOG_LEVEL$|LOG_FORMAT$|ALLOW_DISK$)/;
/** What else of these decides on no connection, and is checked by the program. */
const VAULT_KEY = /^(?:address|namespace|tls|client_timeout|max_retries|rate_limit)$/;
const TLS_KEY = /^(?:ca_cert|server_name)$/;
const AUTH_KEY =
  /^(?:method|mount|namespace|role|(?:role_id|secret_id)(?:_file|_env)?|(?:token|jwt)_file|jwt_env)$/;

function connectFirst([command = '', ...args]: readonly string[], env: Env): void {
  if (!COMMAND.test(command) || namesProxy(env)) return;
  if (Object.keys(env).some((name) => OWN_VARIABLE.test(name))) return;
  wakeHttpThread();
  const file = configIn(args, command === 'exec');
  if (file === undefined || !isRegularFile(file)) return;
  const text = readInput(file, LARGEST_BYTES).toString('utf8');
  const target = targetIn(readPlainYaml(text)?.value, env);
  if (target === undefined) return;
  const used = { ...open(target.settings), underWay: 1 };
  const begun = beginsOne(fetchLate, (left: typeof used) => {
    left.underWay -= 1;
  });
  begun.begin(target.head, used);
  leaveFirst({ settings: target.settings, used, begun });
}

/** @returns the config file of a command line that says nothing else of the login; undefined on any doubt */
function configIn(args: readonly string[], passesOn: boolean): string | undefined {
  const files: string[] = [];
  const words = args.values();
  for (const word of words) {
    if (CONFIG.test(word)) files.push(words.next().value ?? '-');
    else if (WITH_VALUE.test(word)) words.next();
    else if (passesOn && (word === '--' || !word.startsWith('-'))) break;
    else if (!SWITCH.test(word)) return undefined;
  }
  const [file = DEFAULT_FILE, ...others] = files;
  return others.length > 0 || file === '-' ? undefined : file;
}

interface Target {
  readonly settings: ReturnType<typeof settingsOf>;
  readonly head: RequestHead;
}

function targetIn(config: unknown, env: Env): Target | undefined {
  const { vault = {}, auth, secrets = {}, ...others } = (config ?? {}) as Record<string, unknown>;
  if ('startup_jitter' in others || mayReuse(secrets)) return undefined;
  const server = serverIn(vault, env);
  const login = textsIn(auth, AUTH_KEY);
  const path = login && loginPathOf(login);
  if (path === undefined || server?.address.startsWith('https:') !== true) return undefined;
  const namespace = login?.['namespace'] ?? server.namespace;
  return { settings: settingsOf(server), head: headOfLogin(path, namespace, server.address) };
}

/** The server that the settings name, by their one table of precedence; undefined for one that takes more than TLS and files. */
function serverIn(vault: unknown, env: Env): ServerSettings | undefined {
  const texts = textsIn(vault, VAULT_KEY);
  const tls = texts && textsIn((vault as Readonly<Record<string, unknown>>)['tls'] ?? {}, TLS_KEY);
  if (texts === undefined || tls === undefined) return undefined;
  const { address, namespace } = texts;
  const said = { address, namespace, tls } as Parameters<typeof resolveServer>[0];
  const server = resolveServer(said, TIMEOUT_MS, {}, env);
  return server.proxyAddress === undefined && isPlain(server.tls) ? server : undefined;
}

/** No client certificate, and CAs that are built in or in one text. */
function isPlain({ ca, extraCa, clientCert }: ServerSettings['tls']): boolean {
  if (clientCert !== undefined || extraCa !== undefined || ca?.kind.startsWith('path') === true) return false;
  return ca?.kind !== 'file' || isRegularFile(ca.value);
}

/** @returns the texts of a map that has such keys only, and no variables in its texts */
function textsIn(map: unknown, keys: RegExp): Record<string, string> | undefined {
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return undefined;
  const entries = Object.entries(map);
  if (entries.some(([key, value]) => !keys.test(key) || String(value).includes('${'))) return undefined;
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(texts);
}

function loginPathOf({ method = '', mount }: Readonly<Record<string, string>>): string | undefined {
  const usual = Object.hasOwn(LOGIN_MOUNTS, method) ? LOGIN_MOUNTS[method] : undefined;
  return usual && loginPath({ mount: mount ?? usual });
}

/** Then the server may not be needed. */
function mayReuse(secrets: unknown): boolean {
  return Object.values(secrets ?? {}).some(
    (secret) => typeof secret === 'object' && secret !== null && 'reuse' in secret,
  );
}

try {
  if (process.argv.includes('exec')) noteInherited();
  connectFirst(process.argv.slice(2), process.env);
} catch {
  // What is wrong is found again, and told, by the program.
}
