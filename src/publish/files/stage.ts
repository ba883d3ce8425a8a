import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { RenderedFile, Target } from '../../plan/outputs.ts';
import { removeFile, withFreeName, type Naming } from './temporary-names.ts';

/** A complete file next to its target. */
export interface StagedFile {
  readonly temporary: string;
  readonly path: string;
}

/** The name cannot have been prepared by others: it must not exist, not even as a link. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** True if the file has this content, mode and owner already; then it is left alone. */
export function isUnchanged(path: string, content: Uint8Array, { mode, uid, gid }: Target): boolean {
  try {
    const status = lstatSync(path, { throwIfNoEntry: false });
    const isSame =
      status?.isFile() === true &&
      status.size === content.length &&
      (status.mode & 0o7777) === mode &&
      (uid ?? status.uid) === status.uid &&
      (gid ?? status.gid) === status.gid;
    return isSame && readFileSync(path).equals(content);
  } catch {
    // Unreadable for this user: it will be replaced.
    return false;
  }
}

/** Writes a complete file next to its target. Mode and owner are final before it gets the target's name. */
export function stageFile(path: string, content: Uint8Array, target: Target, naming: Naming): StagedFile {
  return withFreeName(dirname(path), naming, 'new', (temporary) => {
    const file = openSync(temporary, NEW_FILE, 0o600);
    try {
      try {
        fill(file, content, target);
      } finally {
        closeSync(file);
      }
    } catch (error) {
      removeFile(temporary);
      throw error;
    }
    return { temporary, path };
  });
}

/** Replaces a file at once, without undo. */
export function replaceFile({ path, content }: RenderedFile, target: Target, naming: Naming): void {
  const { temporary } = stageFile(path, content.reveal(), target, naming);
  try {
    renameSync(temporary, path);
  } catch (error) {
    removeFile(temporary);
    throw error;
  }
}

function fill(file: number, content: Uint8Array, { uid, gid, mode }: Target): void {
  for (let written = 0; written < content.length;) written += writeSync(file, content, written);
  if (uid !== undefined || gid !== undefined) setOwner(file, uid, gid);
  // After the owner, because chown(2) clears mode bits; explicitly, because open(2) applies the umask.
  fchmodSync(file, mode);
  fsyncSync(file);
}

function setOwner(file: number, uid: number | undefined, gid: number | undefined): void {
  const present = fstatSync(file);
  const wanted = { uid: uid ?? present.uid, gid: gid ?? present.gid };
  // Asking for the present owner must not need root.
  if (wanted.uid !== present.uid || wanted.gid !== present.gid) fchownSync(file, wanted.uid, wanted.gid);
}
