import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readElf } from './elf.ts';
import { NOTICES } from './notices.ts';
import { root } from './paths.ts';

/**
 * The packages for npm: `vaultonce`, with the bundle, and one for each target, with the standalone binary. The first names the
 * others as optional: npm installs the one that fits the machine, and nothing has to run at installation.
 */

interface OwnPackage {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  readonly [key: string]: unknown;
}

/** What a package inherits from that of the repository. Everything that the program uses is in its bundles: it depends on nothing. */
const INHERITED = ['version', 'description', 'license', 'homepage', 'repository', 'bugs'] as const;
const INHERITED_BY_MAIN = ['name', ...INHERITED, 'type', 'engines', 'os', 'bin', 'files'] as const;
/** npm packs by endings, so that this is unpacked after the program: where it is, that is complete. */
export const NEEDS = 'needs.txt';
/** What npm adds whether it is listed or not. */
const ALWAYS_IN = ['README.md', 'LICENSE'];
const SYSTEMS: Readonly<Record<string, string>> = { linux: 'Linux', darwin: 'Darwin' };

export function ownPackage(): OwnPackage {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as OwnPackage;
}

export function packageNameOf(target: string): string {
  return `@vaultonce/${target}`;
}

/**
 * Lays out the packages below a directory, each in one of its own.
 * @param binaries by their targets, beside the notices that their build has left
 * @param targets all that the main package names, built or not
 * @returns the directories, the main package last: it must not be published before what it names
 */
export function layPackages(
  directory: string,
  binaries: ReadonlyMap<string, string>,
  targets: readonly string[] = [...binaries.keys()],
): string[] {
  const own = ownPackage();
  const laid = [...binaries].map(([target, binary]) =>
    layTarget(join(directory, target), own, target, binary),
  );
  const main = join(directory, own.name);
  const files = own.files.flatMap((pattern) => globSync([pattern, `${pattern}/*`], { cwd: root }));
  for (const file of [...files, ...ALWAYS_IN]) {
    if (!statSync(join(root, file)).isFile()) continue;
    mkdirSync(dirname(join(main, file)), { recursive: true });
    copyFileSync(join(root, file), join(main, file));
  }
  const optionalDependencies = Object.fromEntries(
    targets.map((target) => [packageNameOf(target), own.version]),
  );
  writeManifest(main, { ...picked(own, INHERITED_BY_MAIN), optionalDependencies });
  return [...laid, main];
}

/** Packs directories, as npm would to publish them. @returns the tarballs */
export function packAll(directories: readonly string[], into: string): string[] {
  // Not everybody has a home that npm could write to.
  const cache = mkdtempSync(join(tmpdir(), 'vaultonce-npm-'));
  const env = { ...process.env, npm_config_cache: cache };
  try {
    const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', into, ...directories];
    const names = execFileSync('npm', args, { encoding: 'utf8', env }).trim().split('\n');
    return names.map((name) => join(into, name));
  } finally {
    rmSync(cache, { recursive: true });
  }
}

function layTarget(directory: string, own: OwnPackage, target: string, binary: string): string {
  const [os = '', cpu = '', musl] = target.split('-');
  const libc = os === 'linux' ? { libc: [musl ?? 'glibc'] } : {};
  mkdirSync(join(directory, 'bin'), { recursive: true });
  copyFileSync(binary, join(directory, 'bin/vaultonce'));
  chmodSync(join(directory, 'bin/vaultonce'), 0o755);
  copyFileSync(join(root, 'LICENSE'), join(directory, 'LICENSE'));
  copyFileSync(join(dirname(binary), NOTICES), join(directory, NOTICES));
  writeFileSync(
    join(directory, 'README.md'),
    `# ${packageNameOf(target)}\n\nThe program of [vaultonce](${String(own['homepage'])}) for ${target}. Install \`vaultonce\`, which brings the one for your machine.\n`,
  );
  writeFileSync(join(directory, NEEDS), `${[own.version, ...needsOf(target, binary)].join('\n')}\n`);
  writeManifest(directory, {
    name: packageNameOf(target),
    ...picked(own, INHERITED),
    os: [os],
    cpu: [cpu],
    ...libc,
    files: ['bin', NEEDS, NOTICES],
    // Yarn leaves packages in archives, out of which nothing can be executed.
    preferUnplugged: true,
  });
  return directory;
}

/** What `bin/vaultonce` looks at before it starts the binary: system, processors, and files that must or must not exist. */
function needsOf(
  target: string,
  binary: string,
): readonly [system: string, processors: string, files: string] {
  const [os = '', cpu = ''] = target.split('-');
  const system = SYSTEMS[os] ?? os;
  // A Mac with an ARM processor runs both kinds: npm chooses by that of Node.
  if (os === 'darwin') return [system, cpu === 'x64' ? 'x86_64 arm64' : 'arm64', ''];
  const { interpreter = '', needed } = readElf(binary);
  const files = target.endsWith('-musl')
    ? // musl is its own loader, and all others are no part of it.
      [interpreter, ...needed.filter((name) => !name.startsWith('libc.')).map((name) => `/usr/lib/${name}`)]
    : // gcompat has the loader's name, but is no glibc.
      [interpreter, '!/lib/libgcompat.so.0'];
  return [system, cpu === 'x64' ? 'x86_64' : 'aarch64', files.join(' ')];
}

function picked(own: OwnPackage, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => key in own).map((key) => [key, own[key]]));
}

function writeManifest(directory: string, manifest: object): void {
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}
