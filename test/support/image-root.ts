import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { standaloneBinary } from '../../.config/targets.ts';
import { findOnPath } from './binary.ts';
import type { CliResult } from './cli.ts';
import { createWorkspace, type Workspace } from './workspace.ts';

const root = join(import.meta.dirname, '../..');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');

/** What the Dockerfile says of an image: standalone, or with Node. */
export type Kind = 'standalone' | 'node';

export interface EnterOptions {
  /** As `chroot --userspec` has it: uid:gid. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What a runtime mounts into it beside the volume: the file, or directory, by its path in the image. */
  readonly mounts?: Readonly<Record<string, string>>;
}

/** The root of an image, as a container has it. */
export interface ImageRoot {
  /** All that is in it. */
  readonly root: string;
  /** What is mounted at /vault/secrets, in memory. */
  readonly volume: Workspace;
  /** Runs the image's program in it. */
  enter(args: readonly string[], options?: EnterOptions): Promise<CliResult>;
  remove(): void;
}

/** The stage of the Dockerfile that makes an image, and what it has from `image`. */
function stageOf(kind: string): string {
  const [, stage = ''] =
    new RegExp(`^FROM \\S+ AS ${kind}$([^]*?)(?=^FROM |$(?![^]))`, 'm').exec(dockerfile) ?? [];
  return stage;
}

/** The JSON list of an instruction. */
export function listOf(kind: Kind, instruction: string): string[] {
  const line = new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(stageOf(kind))?.[1] ?? '[]';
  return JSON.parse(line) as string[];
}

/** uid:gid of both images. */
export const USER = /^USER (\S+)$/m.exec(stageOf('image'))?.[1] ?? '';

/** Lays it out as the build of the image does, with the libraries of this machine. */
export function layImage(kind: Kind, directory: string, env: Readonly<Record<string, string>> = {}): void {
  if (kind === 'standalone') buildStandalone();
  execFileSync(process.execPath, [join(root, '.config/image-root.ts'), kind, directory], {
    env: { PATH: process.env['PATH'], ...env },
  });
}

/** Only `npm run check` has built it before. */
function buildStandalone(): void {
  const built = statSync(standaloneBinary(), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built > statSync(join(root, 'dist/vaultonce.js')).mtimeMs) return;
  execFileSync(process.execPath, [join(root, '.config/standalone.ts')], { stdio: 'ignore' });
}

/**
 * What a runtime does to a container that gets nothing it does not need: a root that is read-only, /proc, what is mounted, no
 * privileges and no way to any. In a mount namespace, so that nothing stays mounted.
 */
const ENTER = `set -e
root=$1
shift
mount --bind "$root" "$root"
while [ "$1" != -- ]; do
  mount --rbind "$1" "$root$2"
  shift 2
done
shift
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
exec setpriv --no-new-privs env -i "$@"`;

/** What a builder makes a layer of: all that is in a directory, with owners, modes and times, and not the directory itself. */
export function tarOf(directory: string): Buffer {
  const names = readdirSync(directory).sort();
  const args = ['--create', '--sort=name', '--numeric-owner', '--directory', directory, ...names];
  return execFileSync('tar', args, { maxBuffer: 2 ** 28 });
}

/** The root of an image, with the libraries of this machine. */
export function createImageRoot(kind: Kind): Promise<ImageRoot> {
  return createRoot(listOf(kind, 'ENTRYPOINT'), (directory) => {
    layImage(kind, directory);
  });
}

/**
 * A root that a container could have.
 * @param program what is started in it
 * @param lay fills its directory
 */
export async function createRoot(
  program: readonly string[],
  lay: (directory: string) => void,
): Promise<ImageRoot> {
  // By its path: the environment of the program inside has no PATH, and that of root not always /usr/sbin.
  const chroot = (await findOnPath('chroot')) ?? '/usr/sbin/chroot';
  // Not in memory, of which a container has 64 MB by default, and from where it starts nothing.
  const laid = createWorkspace(tmpdir());
  chmodSync(laid.root, 0o755);
  const volume = createWorkspace();
  chmodSync(volume.root, 0o1777);
  lay(laid.root);
  mkdirSync(laid.path('proc'));
  return {
    root: laid.root,
    volume,
    enter(args, { user = USER, env = {}, mounts = {} } = {}) {
      const all = Object.entries({ ...mounts, '/vault/secrets': volume.root });
      for (const [place, what] of all) {
        if (statSync(what).isDirectory()) mkdirSync(laid.path(place), { recursive: true });
        else laid.write(place, '');
      }
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      const inside = [chroot, `--userspec=${user}`, laid.root, ...program, ...args];
      const mounted = all.flatMap(([place, what]) => [what, place]);
      return ended('unshare', [
        ...['--mount', 'sh', '-c', ENTER, 'sh', laid.root, ...mounted, '--'],
        ...[...variables, ...inside],
      ]);
    },
    remove() {
      laid.remove();
      volume.remove();
    },
  };
}

async function ended(program: string, args: readonly string[]): Promise<CliResult> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 45_000 });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
