import { isAbsolute, join, normalize, sep } from 'node:path';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { isBelow } from '../../base/paths-below.ts';
import { manifestPath } from '../../config/managed-directory.ts';
import { readOwnFile } from '../../host/own-file.ts';
import { meaningOf } from './write-problems.ts';

export function manifestText(names: readonly string[]): string {
  return `${JSON.stringify({ files: names.toSorted() }, undefined, 2)}\n`;
}

/**
 * The names that earlier runs wrote, relative to the directory. A manifest from another user could make this run remove
 * files of its own user.
 * @throws RunError `output`
 */
export function readManifest(root: string, where: string): readonly string[] {
  const path = manifestPath(root);
  let text: string | undefined;
  try {
    text = readOwnFile(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw distrusted(path, where, meaningOf(error).reason);
  }
  if (text === undefined) throw distrusted(path, where, 'it is not a file that this user alone may write');
  const names = namesIn(text);
  if (names === undefined) throw distrusted(path, where, 'it is not a list of names below its directory');
  return names;
}

function namesIn(text: string): readonly string[] | undefined {
  try {
    const { files } = JSON.parse(text) as { readonly files?: readonly string[] };
    return Array.isArray(files) && files.every(isPlainName) ? files : undefined;
  } catch {
    return undefined;
  }
}

function isPlainName(name: unknown): name is string {
  if (typeof name !== 'string' || name === '' || name.includes('\0') || name.endsWith(sep)) return false;
  return normalize(name) === name && isBelow('/', join('/', name)) && !isUpwards(name) && !isAbsolute(name);
}

function isUpwards(name: string): boolean {
  return name === '..' || name.startsWith(`..${sep}`);
}

function distrusted(path: string, where: string, reason: string): RunError {
  return new RunError('output', `cannot determine what earlier runs wrote: ${path}: ${reason}`, {
    where,
    hint: 'run as the user of the earlier runs, or remove the manifest; the files it names then stay',
  });
}
