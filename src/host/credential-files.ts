import { existsSync } from 'node:fs';
import { hasControlCharacter } from '../base/control-characters.ts';
import { RunError, systemErrorCode, type Failure } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { PendingPipe, readInput } from './input-file.ts';
import type { Io } from './io.ts';

/** The credential of a method does not exist: no file, no variable, another CI system. It is not an invalid one. */
export class AbsentCredential extends RunError {}

/** Larger than any token; a wrong path to a big file is reported instead of posted. */
const LARGEST_BYTES = 1024 * 1024;

/** Whether something has this name: a file that a cloud or a shell leaves for programs to find. */
export function fileExists(path: string): boolean {
  return existsSync(path);
}

/**
 * Reads a credential from a file. Surrounding white space is trimmed: editors and `echo` leave a newline.
 * @param what its name in messages: `the secret_id`
 * @throws AbsentCredential when there is no such file
 * @throws RunError `config`
 */
export function credentialFromFile(path: string, what: string): Secret {
  return credentialFromText(readText(path, what), what, path);
}

/**
 * A credential of the config, given directly or in a file.
 * @param name of its field; the field of the file ends in `_file`
 * @throws AbsentCredential when there is no such file
 * @throws RunError `config`
 */
export function credentialOf(
  value: Secret | undefined,
  file: string | undefined,
  name: string,
): Secret | undefined {
  if (value !== undefined) return credentialFromText(value.reveal(), `the ${name}`, `auth.${name}`);
  return file === undefined ? undefined : credentialFromFile(file, `the ${name}`);
}

/**
 * Reads a credential from a variable.
 * @throws AbsentCredential when it is not set
 * @throws RunError `config`
 */
export function credentialFromVariable(
  name: string,
  what: string,
  { env }: Pick<Io, 'env'>,
  context: Pick<Failure, 'where' | 'hint'>,
): Secret {
  const value = env[name];
  if (value !== undefined) return credentialFromText(value, what, `$${name}`);
  throw new AbsentCredential('config', `the variable $${name} with ${what} is not set`, context);
}

/**
 * @param where the file or variable it came from
 * @throws RunError `config` for an empty one, and for one that an HTTP header cannot carry
 */
export function credentialFromText(text: string, what: string, where: string): Secret {
  const value = text.trim();
  if (value === '') {
    throw new RunError('config', `${what} is empty`, {
      where,
      hint: 'the step that provides it has not run, or failed',
    });
  }
  if (hasControlCharacter(value)) {
    throw new RunError('config', `${what} has a line break or control character inside`, {
      where,
      hint: 'the file must contain only the credential, on one line',
    });
  }
  return new Secret(value);
}

/**
 * Reads a file whose whole text is a secret.
 * @throws AbsentCredential when there is no such file
 * @throws RunError `config`
 */
export function textFromFile(path: string, what: string): Secret {
  return new Secret(readText(path, what));
}

function readText(path: string, what: string): string {
  try {
    return readInput(path, LARGEST_BYTES).toString('utf8');
  } catch (error) {
    if (error instanceof PendingPipe) throw error;
    throw unreadable(systemErrorCode(error), path, what);
  }
}

function unreadable(code: string | undefined, path: string, what: string): RunError {
  switch (code) {
    case 'ENOENT':
      return new AbsentCredential('config', `${what} cannot be read: there is no such file`, {
        where: path,
        hint: 'check the path, and that the volume with it is mounted; relative paths start at the working directory',
      });
    case 'EACCES':
    case 'EPERM':
      return new RunError('config', `${what} cannot be read: permission denied`, {
        where: path,
        hint: 'let the user of this process read it; in Kubernetes, set fsGroup or the mode of the volume',
      });
    case 'EFBIG':
      return new RunError('config', `the file is too large for ${what}`, {
        where: path,
        hint: 'check the path: no credential has more than 1 MiB',
      });
    case 'EISDIR':
      return new RunError('config', `${what} cannot be read: it is a directory`, {
        where: path,
        hint: 'name the file inside it',
      });
    default:
      return new RunError('config', `${what} cannot be read (${code ?? 'unknown error'})`, { where: path });
  }
}
