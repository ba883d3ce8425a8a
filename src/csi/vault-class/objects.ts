import { throwIfAny, type Failure } from '../../base/errors.ts';
import { isEncoding } from './object-encoding.ts';
import { nothingToRead, readObjects, type VaultObject } from './object-list.ts';
import { isVerb } from './object-request.ts';
import { readSecretPath } from './secret-path.ts';

export type { VaultObject } from './object-list.ts';

/** What the driver takes: of the path, and of what stands between two of its slashes, in bytes. */
const LONGEST_PATH = 4096;
const LONGEST_NAME = 255;

/**
 * The objects of a class.
 * @param text YAML: the parameter `objects`
 * @throws RunError `config` with everything that is wrong
 */
export function parseObjects(text: string): readonly VaultObject[] {
  const { objects, failures } = checkedObjects(text);
  throwIfAny(failures);
  return objects;
}

/** The same with the failures. */
export function checkedObjects(text: string): {
  readonly objects: readonly VaultObject[];
  readonly failures: readonly Failure[];
} {
  const { objects, failures } = readObjects(text);
  if (objects.length === 0 && failures.length === 0) return { objects, failures: [nothingToRead()] };
  return { objects, failures: [...failures, ...objects.flatMap(mistakesIn), ...clashesOf(objects)] };
}

/** The permission bits of an object's file. @param permission of files that the class says nothing of */
export function modeOf({ filePermission }: VaultObject, permission: number): number {
  return (filePermission === 0 ? permission : filePermission) & 0o777;
}

function mistakesIn(object: VaultObject): readonly Failure[] {
  const { where, objectName, secretPath, secretKey, method, encoding } = object;
  const failure = (message: string, hint: string): Failure => ({ kind: 'config', message, where, hint });
  const path = readSecretPath(secretPath);
  const name = nameMistake(objectName);
  return [
    ...(name === undefined
      ? []
      : [failure(`\`objectName\` ${name}`, 'name a file of the volume: `password`, `db/password`')]),
    ...(path.kind === 'path' ? [] : [failure(`\`secretPath\` ${path.message}`, path.hint)]),
    ...(isVerb(method)
      ? []
      : [failure('`method` is no verb of the API', 'write GET, LIST, POST, PUT, PATCH, or leave it out')]),
    // Nothing is decoded without a key.
    ...(secretKey === '' || isEncoding(encoding)
      ? []
      : [failure('`encoding` is not known', 'write utf-8, base64 or hex, or leave it out')]),
  ];
}

/**
 * What the driver refuses, which would write nothing then.
 * https://github.com/kubernetes-sigs/secrets-store-csi-driver/blob/v1.6.0/pkg/util/fileutil/writer.go
 * @returns completes its name; undefined: nothing
 */
function nameMistake(name: string): string | undefined {
  if (name === '') return 'is missing';
  if (name.startsWith('/')) return 'is an absolute path';
  if (name.includes('\0')) return 'has a null character';
  const parts = name.split('/');
  if (parts.includes('..')) return 'has `..` in it';
  if (name.startsWith('..')) return 'begins with `..`';
  if (parts.some((part) => part === '' || part === '.')) return 'is a path with empty parts or `.` in it';
  if (Buffer.byteLength(name) > LONGEST_PATH) return `is longer than ${String(LONGEST_PATH)} bytes`;
  const isLong = parts.some((part) => Buffer.byteLength(part) > LONGEST_NAME);
  return isLong ? `has a part that is longer than ${String(LONGEST_NAME)} bytes` : undefined;
}

/** Names that several have, or that are a file of one and a directory of another. */
function clashesOf(objects: readonly VaultObject[]): readonly Failure[] {
  const first = new Map<string, VaultObject>();
  const failures: Failure[] = [];
  for (const object of objects) {
    const other = first.get(object.objectName);
    if (other === undefined) first.set(object.objectName, object);
    else if (object.objectName !== '')
      failures.push(clash(object, other, '`objectName` is that of another object'));
  }
  for (const [name, object] of first) {
    for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
      const file = first.get(name.slice(0, at));
      if (file !== undefined)
        failures.push(clash(object, file, '`objectName` is below the file of another object'));
    }
  }
  return failures;
}

function clash({ where }: VaultObject, other: VaultObject, message: string): Failure {
  return {
    kind: 'config',
    message,
    where,
    details: [`the other one: ${other.where}`],
    hint: 'give each object a name of its own',
  };
}
