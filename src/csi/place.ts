import { revealedJson } from '../base/revealed-json.ts';
import type { Config } from '../config/config.ts';
import { hashOf } from '../reuse/known-outputs.ts';
import type { Rendered } from './contents.ts';
import type { MountAnswer, MountRequest, Pod } from './mount.ts';
import type { Volume } from './volume.ts';

/** A volume, and for whom it is. */
export interface Place {
  readonly pod: Pod;
  readonly volume: Volume;
  readonly config: Config;
  /** The latest that was asked: its tokens are those that are valid for longest. */
  request: MountRequest;
  /** What was at the same target before, under another class: it goes once this was asked for again. */
  former: readonly string[];
  /** Requests under way. */
  asking: number;
  /** What was handed out last, as far as it can be told. */
  latest: string | undefined;
}

export function nameOf({ namespace, name }: Pod): string {
  return `${namespace}/${name}`;
}

/** Everything that can change the answer, and whose it is; tokens change all the time. */
export function keyOf(request: MountRequest): string {
  return hashOf(revealedJson({ ...request, tokens: undefined }));
}

export function answerOf(rendered: readonly Rendered[], key: Uint8Array | undefined): MountAnswer {
  return {
    files: rendered.map(({ path, mode, contents }) => ({ path, mode, contents })),
    versions: rendered.map((file) => ({ id: file.id, version: file.version(key) })),
  };
}

/** Two answers that differ have different ones. */
export function markOf({ files, versions }: MountAnswer): string {
  const contents = files.map((file) => [file.path, file.mode, hashOf(file.contents.reveal())]);
  return hashOf(JSON.stringify([contents, versions]));
}
