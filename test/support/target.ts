import type { Target } from '../../src/plan/outputs.ts';

/** A file as an output has it that says nothing but its path. */
export function targetAt(path: string, own: Partial<Target> = {}): Target {
  return {
    path,
    kind: 'file',
    mode: 0o400,
    directoryMode: 0o700,
    uid: undefined,
    gid: undefined,
    allowDisk: false,
    ...own,
  };
}
