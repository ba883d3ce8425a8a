import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { librariesOf, PACKAGES_OF_LIBRARIES, within } from './libraries.ts';
import { licenceOfNode, NOTICES } from './notices.ts';
import { dist, root } from './paths.ts';
import { standaloneBinary, targetNamed, thisMachine } from './targets.ts';

/**
 * Lays out all that an image holds, below a directory: `image-root.ts standalone|node DIRECTORY`. The Dockerfile copies it as it
 * is, and the tests enter it.
 *
 * `--target linux-arm64` is what the standalone binary was built for, `--base /base` the root that the libraries are taken
 * from, with those of another processor for example, and `--node PATH` the Node of an image with it.
 *
 * The same files make the same root, down to the times: `$SOURCE_DATE_EPOCH`, in seconds, or 0.
 */

const USAGE =
  'usage: image-root.ts standalone|node DIRECTORY [--target TARGET] [--base DIRECTORY] [--node PATH]';
const PROGRAM = '/usr/local/bin/vaultonce';
const NODE = '/usr/local/bin/node';
const PACKAGE = '/opt/vaultonce';
const DOCUMENTS = '/usr/share/doc';

/** What is where in the image, by the file that it is a copy of. */
type Files = Map<string, string>;

function filesOf(kind: string, binary: string, node: string): Files {
  if (kind === 'standalone') return new Map([[PROGRAM, binary]]);
  if (kind !== 'node') throw new Error(USAGE);
  const { files, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    files: string[];
    bin: { vaultonce: string };
  };
  const ofPackage = files
    .filter((pattern) => !pattern.endsWith('.md') && !pattern.endsWith('.txt'))
    .flatMap((pattern) => globSync([pattern, `${pattern}/*`], { cwd: root }))
    // Nothing there could run the launcher, which is shell.
    .filter((name) => name !== bin.vaultonce && statSync(join(root, name)).isFile());
  return new Map([
    [NODE, node],
    ...['package.json', ...ofPackage].map((name) => [join(PACKAGE, name), join(root, name)] as const),
  ]);
}

function licences(kind: string, base: string, binary: string, node: string): Files {
  const own: Files = new Map([
    [join(DOCUMENTS, 'vaultonce/LICENSE'), join(root, 'LICENSE')],
    // Those of the standalone binary are beside it: they are more.
    [join(DOCUMENTS, 'vaultonce', NOTICES), join(kind === 'standalone' ? dirname(binary) : dist, NOTICES)],
  ]);
  if (kind === 'node') own.set(join(DOCUMENTS, 'nodejs/LICENSE'), licenceOfNode(node));
  for (const name of PACKAGES_OF_LIBRARIES) {
    const path = join(DOCUMENTS, name, 'copyright');
    const file = within(base, path);
    // Only Debian has them there.
    if (existsSync(file)) own.set(path, file);
  }
  return own;
}

function lay(directory: string, files: Files): void {
  for (const [path, file] of files) {
    const copy = join(directory, path);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(file, copy);
    const isExecutable = (statSync(file).mode & 0o100) !== 0;
    chmodSync(copy, isExecutable ? 0o755 : 0o644);
  }
}

/** Whoever builds it, with whatever umask and at whatever time. */
function level(directory: string, seconds: number): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) level(path, seconds);
    else lutimesSync(path, seconds, seconds);
  }
  chmodSync(directory, 0o755);
  lutimesSync(directory, seconds, seconds);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    target: { type: 'string', default: thisMachine() },
    base: { type: 'string', default: '/' },
    node: { type: 'string', default: process.execPath },
  },
});
const [kind, directory] = positionals;
if (kind === undefined || directory === undefined) throw new Error(USAGE);
if (existsSync(directory) && readdirSync(directory).length > 0) throw new Error(`${directory} is not empty`);
const seconds = Number(process.env['SOURCE_DATE_EPOCH'] ?? '0');
if (!Number.isSafeInteger(seconds) || seconds < 0)
  throw new Error('$SOURCE_DATE_EPOCH is no number of seconds');

const binary = standaloneBinary(targetNamed(values.target));
const files = filesOf(kind, binary, values.node);
const [program = ''] = files.values();
lay(
  directory,
  new Map([
    ...files,
    ...librariesOf(program, values.base),
    ...licences(kind, values.base, binary, values.node),
  ]),
);
level(directory, seconds);
