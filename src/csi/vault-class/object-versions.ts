import { createHmac } from 'node:crypto';
import type { Secret } from '../../base/secret.ts';
import type { ObjectVersion } from '../mount.ts';
import { goString } from './go-json.ts';
import type { VaultObject } from './object-list.ts';

/**
 * The version of an object: an HMAC of what the class says of it and of its content, so that it tells nothing of either. It is
 * that of vault-csi-provider 1.7.4, whose names of fields and order of them are part of it.
 * @param key of all pods of the provider
 */
export function versionOf(
  key: Secret<Uint8Array>,
  object: VaultObject,
  content: Secret<Uint8Array>,
): ObjectVersion {
  const hmac = createHmac('sha256', key.reveal()).update(configJson(object)).update(content.reveal());
  // Go's URL encoding has padding.
  return { id: object.objectName, version: `${hmac.digest('base64url')}=` };
}

/** What the class says of an object, as Go writes it. It contains secrets. */
export function configJson(object: VaultObject): string {
  const { objectName, secretPath, secretKey, method, secretArgs, filePermission, encoding } = object;
  return `{${[
    `"ObjectName":${goString(objectName)}`,
    `"SecretPath":${goString(secretPath)}`,
    `"SecretKey":${goString(secretKey)}`,
    `"Method":${goString(method)}`,
    `"SecretArgs":${secretArgs?.reveal() ?? 'null'}`,
    `"FilePermission":${String(filePermission)}`,
    `"Encoding":${goString(encoding)}`,
  ].join(',')}}`;
}
