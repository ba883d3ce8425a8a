import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockedPackages, nameAt, type LockedPackage } from './locked-packages.ts';
import { PACKAGES_OF_LIBRARIES } from './libraries.ts';
import { PACKAGES_FILE } from './notices.ts';
import { ownPackage } from './npm-packages.ts';

/**
 * Software bills of materials, in CycloneDX 1.6: what a file consists of. Bundles hold code of other packages, which nobody can find
 * in them later, so what they hold is known from their build. The same files make the same bills.
 */

/** A part of something, by its package URL. */
export interface Part {
  readonly type: 'library' | 'platform' | 'application' | 'file';
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  /** By SPDX's identifier, or as an expression of them. */
  readonly license?: string;
  /** In hexadecimal digits, by CycloneDX's name of the algorithm. */
  readonly hashes?: Readonly<Record<string, string>>;
}

interface Subject {
  readonly type: 'application' | 'container' | 'library';
  readonly name: string;
  readonly purl?: string;
  readonly hashes?: Readonly<Record<string, string>>;
}

/** A bill of what is given. @param seconds when it was made: the time of the commit */
export function billOf(subject: Subject, parts: readonly Part[], seconds: number): string {
  const { version, description, license } = ownPackage();
  const own = {
    ...component({ ...subject, version, purl: subject.purl ?? `pkg:generic/${subject.name}@${version}` }),
    description,
    licenses: [{ license: { id: license } }],
  };
  const sorted = [...parts].sort((a, b) => (a.purl < b.purl ? -1 : 1));
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { timestamp: new Date(seconds * 1000).toISOString(), component: own },
    components: sorted.map(component),
    dependencies: [
      { ref: own['bom-ref'], dependsOn: sorted.map(({ purl }) => purl) },
      ...sorted.map(({ purl }) => ({ ref: purl })),
    ],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(bill))}`;
  return `${JSON.stringify({ ...bill, serialNumber }, undefined, 2)}\n`;
}

/** The packages that a build has code of. @param directory where it has left its result */
export function bundledParts(directory: string): Part[] {
  const locked = lockedPackages();
  const paths = JSON.parse(readFileSync(join(directory, PACKAGES_FILE), 'utf8')) as readonly string[];
  return paths.map((path) => {
    const found = locked[path];
    if (found === undefined) throw new Error(`package-lock.json has no ${path}`);
    return partOf(nameAt(path), found, 'library');
  });
}

/** The Bun that a binary is made of. */
export function runtimePart(target: string): Part {
  const name = `@oven/bun-${target.replace('arm64', 'aarch64')}`;
  const found = lockedPackages()[join('node_modules', name)];
  if (found === undefined) throw new Error(`package-lock.json has no ${name}`);
  return partOf(name, found, 'platform');
}

/** The Node of an image: the one that package-lock.json has for the build, which the Dockerfile names as well. */
export function nodePart(): Part {
  const { version = '' } = lockedPackages()['node_modules/node'] ?? {};
  return { type: 'platform', name: 'node', version, purl: `pkg:generic/node@${version}`, license: 'MIT' };
}

/**
 * What Debian calls the packages of the libraries in an image.
 * @param base the root that they were taken from
 * @param arch as Debian names processors
 */
export function debianParts(base: string, arch: string): Part[] {
  const status = readFileSync(join(base, 'var/lib/dpkg/status'), 'utf8').split('\n\n');
  return PACKAGES_OF_LIBRARIES.map((name) => {
    const entry = status.find((text) => text.startsWith(`Package: ${name}\n`)) ?? '';
    const version = /^Version: (\S+)$/m.exec(entry)?.[1];
    if (version === undefined) throw new Error(`${base} has no package ${name}`);
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${arch}`;
    return { type: 'library', name, version, purl };
  });
}

export function purlOf(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function partOf(name: string, { version, license, integrity }: LockedPackage, type: Part['type']): Part {
  const [algorithm = '', digest = ''] = integrity.split('-');
  return {
    type,
    name,
    version,
    purl: purlOf(name, version),
    ...(license === undefined ? {} : { license }),
    hashes: { [algorithm.replace('sha', 'SHA-')]: Buffer.from(digest, 'base64').toString('hex') },
  };
}

function component({
  type,
  name,
  version,
  purl,
  license,
  hashes = {},
}: Omit<Part, 'type'> & { readonly type: string }) {
  return {
    type,
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license === undefined ? {} : { licenses: [licenceNamed(license)] }),
    ...(Object.keys(hashes).length === 0
      ? {}
      : { hashes: Object.entries(hashes).map(([alg, content]) => ({ alg, content })) }),
  };
}

function licenceNamed(name: string): object {
  return /[ (]/.test(name) ? { expression: name } : { license: { id: name } };
}

/** Version 8 of RFC 9562: of nothing but the content. */
function uuidOf(text: string): string {
  const digits = hash('sha256', text);
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `a${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-');
}
