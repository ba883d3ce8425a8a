import { statfsSync } from 'node:fs';
import { RunError } from '../errors.ts';

/** tmpfs keeps files in whole pages. */
const PAGE_BYTES = 4096;
const MEBIBYTE = 1024 * 1024;

/**
 * Says how large the file system would have to be: what is used on it without this run's files, and all files of this
 * run, which stand beside those they replace until the end.
 * @param directory where there was no space, after this run's files were removed from it
 * @param fileBytes the sizes of all files that this run writes
 */
export function noSpaceError(directory: string, fileBytes: readonly number[], where: string): RunError {
  const { blocks, bfree, bsize } = statfsSync(directory);
  const neededBytes = fileBytes.reduce((sum, bytes) => sum + Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES, 0);
  const freeBytes = bfree * bsize;
  const sizeLimit = Math.ceil(((blocks - bfree) * bsize + neededBytes) / MEBIBYTE);
  return new RunError('output', 'no space left for the outputs', {
    where: `${where}, ${directory}`,
    details: [
      `this run writes ${mebibytes(neededBytes)}; ${mebibytes(freeBytes)} of ${mebibytes(blocks * bsize)} are free`,
      'new files stand beside those they replace until all are complete',
    ],
    hint: `set the sizeLimit of the volume to at least ${String(sizeLimit)}Mi`,
  });
}

function mebibytes(bytes: number): string {
  return bytes < MEBIBYTE ? `${String(Math.ceil(bytes / 1024))} KiB` : `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}
