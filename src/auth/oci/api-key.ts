import { join } from 'node:path';
import { RunError } from '../../base/errors.ts';
import { shownName } from '../../base/shown-text.ts';
import {
  AbsentCredential,
  credentialFromFile,
  fileExists,
  passwordFromFile,
  placeOf,
  textFromFile,
} from '../../host/credential-files.ts';
import type { AuthIo } from '../method.ts';
import type { OciConfig } from './config.ts';
import type { OciKey } from './signature.ts';

interface ApiKey {
  readonly tenancy: string;
  readonly user: string;
  readonly fingerprint: string;
  readonly keyFile: string;
  /** Where that stands, for messages. */
  readonly keyField: string;
  readonly passphrase: string | undefined;
  /** A session of the CLI, whose token stands for user and key. */
  readonly tokenFile?: string | undefined;
}

/** The signing key of the config, of the environment, or of a profile. */
export function findApiKey(config: OciConfig, io: AuthIo): OciKey {
  const found =
    givenKey(config) ?? (saysFile(config) ? undefined : environmentKey(io)) ?? profileKey(config, io);
  const keyFile = { path: fromHome(found.keyFile, io), what: 'the signing key', field: found.keyField };
  const keyId =
    found.tokenFile === undefined
      ? [found.tenancy, found.user, found.fingerprint].join('/')
      : `ST$${sessionToken(found.tokenFile, io)}`;
  return {
    keyId,
    pem: textFromFile(keyFile).reveal(),
    passphrase: found.passphrase,
    where: placeOf(keyFile, true),
  };
}

function sessionToken(path: string, io: AuthIo): string {
  const field = '`security_token_file` of the profile';
  return credentialFromFile({ path: fromHome(path, io), what: 'the session token', field }).reveal();
}

function givenKey(config: OciConfig): ApiKey | undefined {
  const { tenancy_ocid: tenancy, user_ocid: user, fingerprint, private_key_file: keyFile } = config;
  if (tenancy === undefined || user === undefined || fingerprint === undefined || keyFile === undefined)
    return undefined;
  const keyField = 'auth.private_key_file';
  return { tenancy, user, fingerprint, keyFile, keyField, passphrase: passphraseOf(config) };
}

function passphraseOf({ passphrase, passphrase_file: file }: OciConfig): string | undefined {
  if (passphrase !== undefined || file === undefined) return passphrase?.reveal();
  return passwordFromFile({ path: file, what: 'the passphrase', field: 'auth.passphrase_file' }).reveal();
}

function saysFile({ config_file: file, profile }: OciConfig): boolean {
  return (file ?? profile) !== undefined;
}

/** The names that the agent reads, small letters and all. */
function environmentKey({ env }: AuthIo): ApiKey | undefined {
  const variable = (name: string): string => env[`OCI_${name}`] ?? '';
  const key = {
    tenancy: variable('tenancy_ocid'),
    user: variable('user_ocid'),
    fingerprint: variable('fingerprint'),
    keyFile: variable('private_key_path'),
  };
  if (Object.values(key).includes('')) return undefined;
  const passphrase = variable('private_key_password');
  const keyField = '$OCI_private_key_path';
  return { ...key, keyField, passphrase: passphrase === '' ? undefined : passphrase };
}

/** https://docs.oracle.com/en-us/iaas/Content/API/Concepts/sdkconfig.htm */
function profileKey(config: OciConfig, io: AuthIo): ApiKey {
  const variable = io.env['OCI_CONFIG_FILE'] ?? '';
  const named = config.config_file ?? (variable === '' ? undefined : variable);
  const file = fromHome(named ?? '~/.oci/config', io);
  if (named === undefined && !fileExists(file)) {
    throw new AbsentCredential('config', 'there is no signing key of Oracle Cloud', {
      where: 'auth',
      hint: 'name the key in auth, in the variables $OCI_tenancy_ocid and so on, or in ~/.oci/config',
    });
  }
  const name = config.profile ?? 'DEFAULT';
  const field = config.config_file === undefined ? '$OCI_CONFIG_FILE' : 'auth.config_file';
  const source = { path: file, what: 'the profiles of Oracle Cloud', field };
  const profiles = parseProfiles(textFromFile(source).reveal());
  const profile = profiles.get(name);
  // As in all tools of Oracle, a profile has what it does not say from DEFAULT.
  const value = (key: string): string | undefined => profile?.get(key) ?? profiles.get('DEFAULT')?.get(key);
  const wanted = (key: string): string => {
    const found = value(key);
    if (profile !== undefined && found !== undefined && found !== '') return found;
    const shown = shownName(name);
    const message =
      profile === undefined ? `there is no profile ${shown}` : `the profile ${shown} has no \`${key}\``;
    throw new RunError('config', message, { where: placeOf(source, true) });
  };
  const tokenFile = value('security_token_file');
  return {
    tenancy: wanted('tenancy'),
    user: tokenFile === undefined ? wanted('user') : '',
    fingerprint: wanted('fingerprint'),
    keyFile: wanted('key_file'),
    keyField: '`key_file` of the profile',
    passphrase: passphraseOf(config) ?? value('pass_phrase'),
    tokenFile,
  };
}

function parseProfiles(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const profiles = new Map<string, Map<string, string>>();
  let current = new Map<string, string>();
  for (const line of text.split('\n').map((one) => one.trim())) {
    const section = /^\[(.+)\]$/.exec(line)?.[1];
    if (section !== undefined) {
      current = profiles.get(section) ?? new Map<string, string>();
      profiles.set(section, current);
      continue;
    }
    const [, key, value] = /^([^#;=\s]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) current.set(key, value);
  }
  return profiles;
}

function fromHome(path: string, { env }: AuthIo): string {
  return path.startsWith('~/') ? join(env['HOME'] ?? '/', path.slice(2)) : path;
}
