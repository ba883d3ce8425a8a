import { statSync } from 'node:fs';
import { hasControlCharacter } from '../base/control-characters.ts';
import { RunError, systemErrorCode, type Failure } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { NAME_HINT, PATH_HINT, shownPath, shownVariable } from '../base/shown-text.ts';
import { PendingPipe, readInput } from './input-file.ts';
import type { Io } from './io.ts';

/** The credential of a method does not exist: no file, no variable, another CI system. It is not an invalid one. */
export class AbsentCredential extends RunError {}

/** Larger than any token; a wrong path to a big file is reported instead of posted. */
const LARGEST_BYTES = 1024 * 1024;

/** Whether something has this name: a file that a cloud or a shell leaves for programs to find. */
export function fileExists(path: string): boolean {
  return whyUnreachable(path) === undefined;
}

/**
 * Why nothing can be found at a path.
 * @returns the code of the file system: `ENOENT`, `EACCES` below a directory that this user may not enter
 */
export function whyUnreachable(path: string): string | undefined {
  try {
    statSync(path);
    return undefined;
  } catch (error) {
    return systemErrorCode(error) ?? 'unknown error';
  }
}

/** A file that the config or a variable names, as messages call it. */
export interface CredentialFile {
  readonly path: string;
  /** What is in it: `the secret_id`. */
  readonly what: string;
  /** Where its path stands: `auth.secret_id_file`, `$AZURE_FEDERATED_TOKEN_FILE`. */
  readonly field: string;
}

/**
 * Reads a credential from a file. Surrounding white space is trimmed: editors and `echo` leave a newline.
 * @throws AbsentCredential when there is no such file
 * @throws RunError `config`
 */
export function credentialFromFile(file: CredentialFile): Secret {
  return credentialFromText(readText(file), file.what, placeOf(file, true));
}

/**
 * Reads a password or passphrase from a file. Blanks belong to it, only the line break at the end does not.
 * @throws AbsentCredential when there is no such file
 * @throws RunError `config`
 */
export function passwordFromFile(file: CredentialFile): Secret {
  return checked(readText(file).replace(/\r?\n$/, ''), file.what, placeOf(file, true));
}

/**
 * A credential of the config, given directly or in a file.
 * @param name of its field; the field of the file ends in `_file`
 * @throws AbsentCredential when there is no such file
 * @throws RunError `config`
 */
export function credentialOf(
  value: Secret | undefined,
  path: string | undefined,
  name: string,
): Secret | undefined {
  const what = `the ${name}`;
  if (value !== undefined) return credentialFromText(value.reveal(), what, `auth.${name}`);
  return path === undefined ? undefined : credentialFromFile({ path, what, field: `auth.${name}_file` });
}

/**
 * Reads a credential from a variable.
 * @param context `where` is the key that names the variable
 * @throws AbsentCredential when it is not set
 * @throws RunError `config`
 */
export function credentialFromVariable(
  name: string,
  what: string,
  io: Pick<Io, 'env'>,
  context: VariableContext,
): Secret {
  return credentialFromText(textFromVariable(name, what, io, context), what, `$${name}`);
}

/** What the key that names a variable is, for messages. */
type VariableContext = Pick<Failure, 'hint'> & { readonly where: string };

/**
 * The text of a variable that holds a credential.
 * @throws AbsentCredential when it is not set
 */
export function textFromVariable(
  name: string,
  what: string,
  { env }: Pick<Io, 'env'>,
  context: VariableContext,
): string {
  const value = env[name];
  if (value !== undefined) return value;
  const shown = shownVariable(name);
  const { where, hint = 'set it, or take the credential from a file' } = context;
  throw new AbsentCredential(
    'config',
    `the variable ${shown === undefined ? '' : `${shown} `}with ${what} is not set`,
    { where, hint: shown === undefined ? `${hint}; ${NAME_HINT}` : hint },
  );
}

/**
 * @param where the file or variable it came from
 * @throws RunError `config` for an empty one, and for one that an HTTP header cannot carry
 */
export function credentialFromText(text: string, what: string, where: string): Secret {
  return checked(text.trim(), what, where);
}

function checked(value: string, what: string, where: string): Secret {
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
export function textFromFile(file: CredentialFile): Secret {
  return new Secret(readText(file));
}

function readText(file: CredentialFile): string {
  try {
    return readInput(file.path, LARGEST_BYTES).toString('utf8');
  } catch (error) {
    if (error instanceof PendingPipe) throw error;
    throw unreadable(systemErrorCode(error), file);
  }
}

/** The path; the field where the path is none that may be shown. */
export function placeOf({ path, field }: Omit<CredentialFile, 'what'>, exists: boolean): string {
  return shownPath(path, field, exists);
}

/** @throws AbsentCredential */
export function absentFile(file: CredentialFile): AbsentCredential {
  const where = placeOf(file, false);
  const hint =
    where === file.path
      ? 'check the path, and that the volume with it is mounted; relative paths start at the working directory'
      : PATH_HINT;
  return new AbsentCredential('config', `${file.what} cannot be read: there is no such file`, {
    where,
    hint,
  });
}

function unreadable(code: string | undefined, file: CredentialFile): RunError {
  const { what } = file;
  switch (code) {
    case 'ENOENT':
      return absentFile(file);
    case 'EACCES':
    case 'EPERM':
      return new RunError('config', `${what} cannot be read: permission denied`, {
        where: placeOf(file, true),
        hint: 'let the user of this process read it; in Kubernetes, set fsGroup or the mode of the volume',
      });
    case 'EFBIG':
      return new RunError('config', `the file is too large for ${what}`, {
        where: placeOf(file, true),
        hint: 'check the path: no credential has more than 1 MiB',
      });
    case 'EISDIR':
      return new RunError('config', `${what} cannot be read: it is a directory`, {
        where: placeOf(file, true),
        hint: 'name the file inside it',
      });
    default: {
      // ENAMETOOLONG, ENOTDIR, and what is no path at all, such as one with a NUL character.
      const where = placeOf(file, false);
      return new RunError('config', `${what} cannot be read (${code ?? 'unknown error'})`, {
        where,
        hint: where === file.path ? 'check the path' : PATH_HINT,
      });
    }
  }
}
