import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nameAt } from './locked-packages.ts';
import { root } from './paths.ts';

/**
 * Whether every package that package-lock.json names has a licence that is allowed: what is shipped may ask for no more than a
 * notice, what only builds and tests may be in the public domain, too. A new licence is a decision: it is
 * added here, with what it asks for.
 */

/** They ask for their text, and the copyright, to go with it: `notices.ts`. */
const SHIPPED: readonly string[] = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'PSF-2.0',
];
/** They are in nothing that others get. */
const TOOLS: readonly string[] = [...SHIPPED, 'BlueOak-1.0.0', 'CC0-1.0'];

interface LockedPackage {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** What is wrong, a line each: the package, its licence, where it is and what needs it. */
export function licenceProblems({ packages }: Lock): string[] {
  return Object.entries(packages).flatMap(([path, { version = '', license, dev = false }]) => {
    if (path === '') return [];
    const allowed = dev ? TOOLS : SHIPPED;
    if (license !== undefined && isAllowed(license, allowed)) return [];
    const name = nameAt(path);
    const what = license === undefined ? 'names no licence' : `has the licence ${license}`;
    const use = dev ? 'tools' : 'what is shipped';
    return [
      `${name} ${version} ${what}, which is not allowed for ${use} (${path}, needed by ${wayTo(path, packages)})`,
    ];
  });
}

/** An expression of SPDX, without brackets within brackets: one of several by OR, all of them by AND. */
function isAllowed(expression: string, allowed: readonly string[]): boolean {
  const bare = expression.replace(/^\((.*)\)$/, '$1');
  if (/[()]/.test(bare)) return false;
  return bare.split(' OR ').some((all) => all.split(' AND ').every((id) => allowed.includes(id)));
}

/** The shortest one from this package: `eslint > minimatch`. */
function wayTo(wanted: string, packages: Lock['packages']): string {
  const cameFrom = new Map<string, string>([['', '']]);
  const waiting = [''];
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (path === wanted) break;
    for (const name of needsOf(packages[path])) {
      const found = resolved(name, path, packages);
      if (found === undefined || cameFrom.has(found)) continue;
      cameFrom.set(found, path);
      waiting.push(found);
    }
  }
  const way: string[] = [];
  for (let path = cameFrom.get(wanted); path !== undefined && path !== ''; path = cameFrom.get(path))
    way.unshift(nameAt(path));
  return way.length === 0 ? 'package.json' : way.join(' > ');
}

function needsOf(one: LockedPackage | undefined): string[] {
  const { dependencies, devDependencies, optionalDependencies } = one ?? {};
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
}

/** As Node looks for it: beside, then above. */
function resolved(name: string, from: string, packages: Lock['packages']): string | undefined {
  for (let place = from; ;) {
    const path = `${place === '' ? '' : `${place}/`}node_modules/${name}`;
    if (Object.hasOwn(packages, path)) return path;
    if (place === '') return undefined;
    place = place.slice(0, Math.max(place.lastIndexOf('node_modules/') - 1, 0));
  }
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const problems = licenceProblems(lock);
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) process.exitCode = 1;
  else
    console.log(`${String(Object.keys(lock.packages).length - 1)} packages have licences that are allowed`);
}
