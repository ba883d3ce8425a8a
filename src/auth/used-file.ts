import { realpathSync, unlinkSync } from 'node:fs';
import { systemErrorCode } from '../base/errors.ts';
import type { AuthIo } from './method.ts';

/**
 * Removes the file of a credential that has been used. Of a link, what it leads to goes first: the credential is there.
 * A file that stays, as on a read-only volume, is a warning: the login is done.
 */
export function removeUsedFile(path: string, { log }: Pick<AuthIo, 'log'>): void {
  try {
    const target = realpathSync(path);
    unlinkSync(target);
    removeLink(path);
    log.write({ event: 'credential_file_removed', path });
  } catch (error) {
    log.write({ event: 'credential_file_kept', path, reason: systemErrorCode(error) ?? 'unknown error' });
  }
}

function removeLink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // It was no link, or one further up the path.
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}
