import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { RunError, systemErrorCode, type FailureContext } from '../../base/errors.ts';
import { isMemory, nearestExisting } from '../../host/file-systems.ts';
import type { WritableOutput } from '../../plan/outputs.ts';
import { isUnchanged } from './stage.ts';

/** tmpfs keeps files in whole pages. */
const PAGE_BYTES = 4096;
const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** True for a full file system and for a full quota. */
export function isNoSpace(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/**
 * Computes how large the file system must be: its present use without this run's files, and all new files of this run,
 * which exist next to those they replace until the end. To be called after this run's files were removed.
 * @param path of the file or directory that did not fit
 */
export function noSpaceError(
  error: unknown,
  path: string,
  outputs: readonly WritableOutput[],
  context: FailureContext,
): RunError {
  const directory = nearestExisting(dirname(path));
  const { blocks, bfree, bavail, bsize, files, ffree, type } = statfsSync(directory);
  const sizes = newFileSizes(outputs, statSync(directory).dev);
  const neededBytes = sizes.reduce((sum, bytes) => sum + Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES, 0);
  if (systemErrorCode(error) === 'EDQUOT') {
    return new RunError(
      'output',
      `the disk quota is exhausted: ${directory} needs another ${sizeText(neededBytes)}`,
      {
        ...context,
        hint: 'raise the quota of this user, or remove files',
      },
    );
  }
  // btrfs does not count files.
  if (files > 0 && ffree < sizes.length) {
    return new RunError('output', `the file system of ${directory} has too few free inodes`, {
      ...context,
      details: [`this run needs ${String(sizes.length)}, and ${String(ffree)} are free`],
      hint: 'remove files, or mount it with more `nr_inodes`',
    });
  }
  const needs = `this run needs ${sizeText(neededBytes)}, and ${sizeText(bavail * bsize, Math.floor)} are free`;
  const sizeLimit = Math.ceil(((blocks - bfree) * bsize + neededBytes) / MEBIBYTE);
  return new RunError('output', `no space left on the file system of ${directory}: ${needs}`, {
    ...context,
    details: ['new files and those they replace exist side by side until all are complete'],
    hint: isMemory(type)
      ? `set the sizeLimit of the emptyDir (or the size of the tmpfs) to at least ${String(sizeLimit)}Mi`
      : `free at least ${sizeText(neededBytes)} there`,
  });
}

/** The sizes of the files that this run must write to one file system. */
function newFileSizes(outputs: readonly WritableOutput[], device: number): number[] {
  return outputs.flatMap(({ plan: { target }, files }) =>
    files
      .filter(({ path }) => statSync(nearestExisting(dirname(path))).dev === device)
      .map(({ path, content }) => ({ path, bytes: content.reveal() }))
      .filter(({ path, bytes }) => !isUnchanged(path, bytes, target))
      .map(({ bytes }) => bytes.length),
  );
}

/** @param round down for free space, so that it never looks sufficient */
function sizeText(bytes: number, round: (size: number) => number = Math.ceil): string {
  return bytes < MEBIBYTE
    ? `${String(round(bytes / KIBIBYTE))} KiB`
    : `${(round((bytes * 10) / MEBIBYTE) / 10).toFixed(1)} MiB`;
}
