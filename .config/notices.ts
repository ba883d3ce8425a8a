import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Metafile } from 'esbuild';
import { nameAt } from './locked-packages.ts';
import { root } from './paths.ts';

/** What goes with the program wherever it goes: the licences of everything in it that is not its own. */
export const NOTICES = 'THIRD-PARTY-LICENSES.txt';
/** Beside the bundles and binaries: what `packagesIn` says of them, for bills of materials. */
export const PACKAGES_FILE = 'packages.json';

interface Package {
  readonly version: string;
  readonly license: string;
}

interface Licence {
  /** Of the package: name, version and the name of its licence. */
  readonly title: string;
  readonly text: string;
}

const RULE = '-'.repeat(80);

/** The licences of all packages in the bundles, whose comments are not in them. @throws Error if one has no text */
export function noticesOf(metafiles: readonly Metafile[]): string {
  const licences = packagesIn(metafiles).map(licenceOf);
  // Many have the same one.
  return [...Map.groupBy(licences, ({ text }) => text)]
    .map(([text, same]) => `${same.map(({ title }) => title).join('\n')}\n\n${text}\n\n${RULE}\n`)
    .join('\n');
}

/** Of what bundles are made, besides our own: where npm has put the packages, as package-lock.json has it. */
export function packagesIn(metafiles: readonly Metafile[]): string[] {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  // The last one: a package may have packages of its own.
  const paths = inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0] ?? []);
  return [...new Set(paths)].sort();
}

function licenceOf(path: string): Licence {
  const name = nameAt(path);
  const directory = join(root, path);
  const { version, license } = manifestAt(path);
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  // Some name their licence and leave out its text.
  const text =
    file === undefined ? textsOf(license, name) : readFileSync(join(directory, file), 'utf8').trim();
  return { title: `${name} ${version} (${license})`, text };
}

/** Of the licences that Bun names those whose whole text has to go with it. */
const TEXTS: readonly string[] = [
  'LGPL-2.0-only',
  'LGPL-2.1-only',
  'Apache-2.0',
  'MIT',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Zlib',
  'ICU',
  'libpng-2.0',
  'IJG',
];
const PAGE = 'docs/project/license.mdx';

/**
 * The licences of what a standalone binary has besides the bundles: Bun, and the libraries that are linked into it, as its own
 * page says.
 * @throws Error if the page is of another version than the runtime
 */
export function noticesOfBun(): string {
  const { version } = manifestAt('node_modules/bun');
  const page = manifestAt('node_modules/bun-types');
  if (page.version !== version)
    throw new Error(
      `the licences are of Bun ${page.version}, the binary is of ${version}: set both to one version`,
    );
  const text = readFileSync(join(root, 'node_modules/bun-types', PAGE), 'utf8')
    .replace(/^---[^]*?^---\n/m, '')
    .trim();
  const texts = TEXTS.map((name) => `${name}\n\n${textOfLicence(name, 'Bun')}\n\n${RULE}\n`);
  return [`bun ${version} (MIT, and what is listed here)\n\n${text}\n\n${RULE}\n`, ...texts].join('\n');
}

/** The licence of a Node, with those of all that is linked into it: it lies where a release unpacks it. @throws Error if it is missing */
export function licenceOfNode(node: string): string {
  const places = [
    dirname(dirname(node)),
    join(dirname(dirname(node)), 'node_modules', `node-${process.platform}-${process.arch}`),
  ];
  for (const place of places.filter((directory) => existsSync(directory))) {
    const found = readdirSync(place, { withFileTypes: true }).find(
      (entry) => entry.isFile() && entry.name === 'LICENSE',
    );
    if (found !== undefined) return join(place, found.name);
  }
  throw new Error(`${node} has no LICENSE in ${places.join(' or ')}`);
}

function manifestAt(path: string): Package {
  return JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as Package;
}

/** @param expression as SPDX has it: several licences may hold at the same time */
function textsOf(expression: string, of: string): string {
  const ids = expression.replace(/^\((.*)\)$/, '$1').split(' AND ');
  return ids.map((id) => textOfLicence(id, of)).join('\n\n');
}

/** @param id as SPDX has it */
function textOfLicence(id: string, of: string): string {
  try {
    const file = join(root, 'node_modules/spdx-license-list/licenses', `${id}.json`);
    return (JSON.parse(readFileSync(file, 'utf8')) as { licenseText: string }).licenseText.trim();
  } catch (error) {
    throw new Error(`there is no text of the licence ${id} of ${of}`, { cause: error });
  }
}
