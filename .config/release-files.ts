import { hash } from 'node:crypto';
import {
  copyFileSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { REPOSITORY } from './cut-changelog.ts';
import { NOTICES } from './notices.ts';
import { layPackages, packAll } from './npm-packages.ts';
import { dist, root } from './paths.ts';
import { ACTION, layAction } from './release-action.ts';
import type { Release } from './release-refusals.ts';
import { billOf, bundledParts, purlOf, runtimePart } from './sbom.ts';
import { standaloneBinary } from './targets.ts';

export const CHECKSUMS = 'SHA256SUMS';
const STANDALONE = dirname(standaloneBinary());

/**
 * Lays out all that a release uploads, in one directory, since that is what a release on GitHub is: binaries, packages for npm, a
 * bill of materials for each, notices, notes and checksums; and, below it, the action for GitHub Actions. The builds must be there.
 * @param built targets whose binaries are there
 * @param all targets that the package for npm names
 */
export function layRelease(
  directory: string,
  { version, commit, seconds, notes }: Release,
  built: readonly string[],
  all: readonly string[],
): void {
  const into = (name: string): string => join(directory, name);
  const binaries = new Map(built.map((target) => [target, standaloneBinary(target)]));
  for (const [target, binary] of binaries) {
    linkOrCopy(binary, into(basename(binary)));
    const parts = [...bundledParts(STANDALONE), runtimePart(target)];
    const subject = {
      type: 'application',
      name: basename(binary),
      hashes: { 'SHA-256': sha256Of(binary) },
    } as const;
    writeFileSync(into(`${basename(binary)}.cdx.json`), billOf(subject, parts, seconds));
  }
  const laid = mkdtempSync(join(directory, '.packages-'));
  try {
    packAll(layPackages(laid, binaries, all), directory);
  } finally {
    rmSync(laid, { recursive: true });
  }
  const subject = { type: 'application', name: 'vaultonce', purl: purlOf('vaultonce', version) } as const;
  const parts = bundledParts(dist);
  writeFileSync(into(`vaultonce-${version}.cdx.json`), billOf(subject, parts, seconds));
  copyFileSync(join(root, 'LICENSE'), into('LICENSE'));
  // Those of the binaries: packages have their own.
  copyFileSync(join(STANDALONE, NOTICES), into(NOTICES));
  writeFileSync(into('RELEASE-NOTES.md'), notesOf(version, commit, notes));
  layAction(into(ACTION), version, binaries);
  writeChecksums(directory);
}

/** As sha256sum(1) writes and checks them. */
export function writeChecksums(directory: string): void {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(directory, join(parentPath, name)))
    .filter((name) => name !== CHECKSUMS);
  const lines = names.sort().map((name) => `${sha256Of(join(directory, name))}  ${name}\n`);
  writeFileSync(join(directory, CHECKSUMS), lines.join(''));
}

function notesOf(version: string, commit: string, notes: string): string {
  return `${absolute(notes, version)}

### Verify

\`\`\`sh
sha256sum --check --ignore-missing ${CHECKSUMS}
gh attestation verify vaultonce-linux-x64 --repo vaultonce/vaultonce
cosign verify-blob ${CHECKSUMS} --bundle ${CHECKSUMS}.sigstore.json \\
  --certificate-identity ${REPOSITORY}/.github/workflows/release.yml@refs/tags/v${version} \\
  --certificate-oidc-issuer https://token.actions.githubusercontent.com
\`\`\`

Built twice from commit ${commit}, with equal results. \`*.cdx.json\` are bills of materials (CycloneDX).
`;
}

/** Links to files of the repository: where notes are shown, there are none. */
function absolute(notes: string, version: string): string {
  return notes.replaceAll(/\]\((?![a-z]+:|#)/g, `](${REPOSITORY}/blob/v${version}/`);
}

function sha256Of(file: string): string {
  return hash('sha256', readFileSync(file));
}

function linkOrCopy(file: string, copy: string): void {
  try {
    linkSync(file, copy);
  } catch {
    // On another file system, or on one without links.
    copyFileSync(file, copy);
  }
}
