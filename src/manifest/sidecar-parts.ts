import { dirname, normalize } from 'node:path';
import { isAtOrBelow } from '../base/paths-below.ts';
import type { Handler } from '../config/config.ts';
import type { ManifestInput, Sidecar } from './manifest-input.ts';
import { IMAGE_USER, userOf } from './pod-user.ts';
import type { Mount } from './pod-volumes.ts';

/** What a sidecar needs besides an init container. */

/** For signals: without a command they go to processes of other containers. */
export function sharesProcesses(sidecar: Sidecar | undefined): boolean {
  return sidecar?.handlers.some(({ kind }) => kind === 'signal') === true;
}

/** The root of the container is not writable: a volume for the socket of health, unless it is where outputs are. */
export function socketMount(sidecar: Sidecar | undefined, written: readonly Mount[]): Mount[] {
  if (sidecar?.socket === undefined) return [];
  const path = dirname(normalize(sidecar.socket.path));
  if (written.some((mount) => isAtOrBelow(mount.path, path))) return [];
  return [
    {
      path,
      source: { emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      role: 'health',
      what: 'the socket of health',
      where: sidecar.socket.where,
    },
  ];
}

/** What handlers need that is not in the image. */
export function handlerNotes(sidecar: Sidecar | undefined): string[] {
  return (sidecar?.handlers ?? []).flatMap((handler) => {
    const { kind, where } = handler;
    if (kind === 'run') return [`the image must have the program that is run (${where})`];
    const file = fileOf(handler);
    return file === undefined ? [] : [`the sidecar needs a volume with the ${file} (${where})`];
  });
}

/** What the application makes. */
function fileOf(handler: Handler): string | undefined {
  if (handler.kind === 'signal') return handler.target.kind === 'pid_file' ? 'pid_file' : undefined;
  return handler.kind === 'http' && handler.url.startsWith('unix:') ? 'socket' : undefined;
}

/** In a pod that is somebody else's, whose application gets signals. */
export function userNotes(input: ManifestInput): string[] {
  if (!sharesProcesses(input.options.sidecar) || userOf(input).runAsUser !== undefined) return [];
  return [
    `only processes of the same user can be sent signals: run the application as user ${String(IMAGE_USER)}, or add --user with its number`,
  ];
}
