import { RunError } from '../base/errors.ts';
import { parseProxy } from '../http/proxy.ts';
import type { CaSetting, ServerSettings, TlsSettings } from '../http/server.ts';
import type { ConfigFile } from './config-definition.ts';
import { overrideOf, placeOfSetting, resolveSetting, type Environment, type Flags } from './settings.ts';

type VaultFile = NonNullable<ConfigFile['vault']>;

/**
 * @param timeoutMs of the run: a single request takes half of it at most, so that one that hangs can be made again if that may be
 * @throws RunError `config` without a usable address, and for half a client certificate
 */
export function resolveServer(
  vault: VaultFile = {},
  timeoutMs: number,
  flags: Flags,
  env: Environment,
): ServerSettings {
  const clientTimeoutMs = resolveSetting('clientTimeoutMs', flags, env, vault.client_timeout);
  return {
    address: checkAddress(
      resolveSetting('address', flags, env, vault.address),
      placeOfSetting('address', flags, env),
    ),
    namespace: resolveSetting('namespace', flags, env, vault.namespace),
    tls: resolveTls(vault.tls, flags, env),
    clientTimeoutMs: clientTimeoutMs ?? timeoutMs / 2,
    mintTimeoutMs: clientTimeoutMs ?? timeoutMs,
    maxRetries: resolveSetting('maxRetries', flags, env, vault.max_retries),
    rateLimit: resolveSetting('rateLimit', flags, env, vault.rate_limit),
    proxyAddress: checkProxy(
      resolveSetting('proxyAddress', flags, env, vault.proxy_address),
      placeOfSetting('proxyAddress', flags, env),
    ),
  };
}

function checkAddress(address: string | undefined, where: string): string {
  const hint =
    'write it as `https://vault.example.com:8200`, or as `unix:///path` for a socket: --address, $VAULT_ADDR, $BAO_ADDR or vault.address';
  if (address === undefined) throw new RunError('config', 'no server address is configured', { hint });
  // The address is not a secret, but a password in it would be: it is quoted only when there is none.
  if (address.startsWith('unix:///') && address !== 'unix:///') return address;
  if (!/^https?:\/\//i.test(address)) {
    throw new RunError('config', 'the address must start with https://, http:// or unix:///', {
      where,
      hint,
    });
  }
  const url = URL.parse(address);
  if (url === null) throw new RunError('config', 'the address is not a URL', { where, hint });
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new RunError('config', 'the address must not have a user, password, query or fragment', {
      where,
      hint: 'how to log in belongs to `auth:`',
    });
  }
  return `${url.protocol}//${url.host}${url.pathname}`.replace(/\/+(?:v1\/?)?$/, '');
}

function checkProxy(address: string | undefined, from: string): ServerSettings['proxyAddress'] {
  return address === undefined ? undefined : parseProxy(address, from);
}

function resolveTls(tls: VaultFile['tls'] = {}, flags: Flags, env: Environment): TlsSettings {
  const clientCert = resolveSetting('clientCert', flags, env, tls.client_cert);
  const clientKey = resolveSetting('clientKey', flags, env, tls.client_key);
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw new RunError('config', 'a client certificate needs its key, and the key its certificate', {
      where: 'vault.tls',
      hint: 'set both of vault.tls.client_cert and vault.tls.client_key, or $VAULT_CLIENT_CERT and $VAULT_CLIENT_KEY',
    });
  }
  const ca = caOf(flags, {}) ?? caOf(flags, env) ?? caOfFile(tls);
  return {
    ca: ca ?? caOfSystem(env),
    extraCa: ca === undefined ? set(env, 'NODE_EXTRA_CA_CERTS') : undefined,
    clientCert,
    clientKey,
    clientKeyPassword: keyPasswordOf(tls),
    systemCa: tls.system_ca ?? false,
    serverName: resolveSetting('serverName', flags, env, tls.server_name),
    skipVerify: resolveSetting('skipVerify', flags, env, tls.skip_verify) ?? false,
    fields: {
      clientCert: placeOfSetting('clientCert', flags, env),
      clientKey: placeOfSetting('clientKey', flags, env),
    },
  };
}

/** What OpenSSL and Go's clients take for the CAs of the system. */
function caOfSystem(env: Environment): TlsSettings['ca'] {
  return (
    caSetting('file', set(env, 'SSL_CERT_FILE'), '$SSL_CERT_FILE') ??
    caSetting('paths', set(env, 'SSL_CERT_DIR'), '$SSL_CERT_DIR')
  );
}

function set(env: Environment, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}

function keyPasswordOf({
  client_key_password: password,
  client_key_password_file: file,
}: NonNullable<VaultFile['tls']>): TlsSettings['clientKeyPassword'] {
  if (password === undefined) return file === undefined ? undefined : { file };
  if (file === undefined) return password;
  throw new RunError('config', '`client_key_password` and `client_key_password_file` exclude each other', {
    where: 'vault.tls',
    hint: 'keep one of them',
  });
}

/**
 * One CA flag or variable replaces all CA fields after it: otherwise the file's `ca_cert_bytes` would win over it. The order is
 * that of the official clients: bytes, file, directory.
 */
function caOf(flags: Flags, env: Environment): TlsSettings['ca'] {
  const from = (kind: CaSetting['kind'], name: 'caCertBytes' | 'caCert' | 'caPath'): TlsSettings['ca'] =>
    caSetting(kind, overrideOf(name, flags, env), placeOfSetting(name, flags, env));
  return from('bytes', 'caCertBytes') ?? from('file', 'caCert') ?? from('path', 'caPath');
}

function caOfFile({ ca_cert_bytes, ca_cert, ca_path }: NonNullable<VaultFile['tls']>): TlsSettings['ca'] {
  return (
    caSetting('bytes', ca_cert_bytes, 'vault.tls.ca_cert_bytes') ??
    caSetting('file', ca_cert, 'vault.tls.ca_cert') ??
    caSetting('path', ca_path, 'vault.tls.ca_path')
  );
}

function caSetting(kind: CaSetting['kind'], value: string | undefined, from: string): TlsSettings['ca'] {
  return value === undefined ? undefined : { kind, value, from };
}
