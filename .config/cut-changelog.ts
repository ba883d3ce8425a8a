/** The changelog as text: what a release makes of it, and whether it may. */

const HEADING = /^## \[Unreleased\]$/m;
export const REPOSITORY = 'https://github.com/vaultonce/vaultonce';

export interface Cut {
  /** The version before it, which package.json has. */
  readonly from: string;
  readonly to: string;
  /** `2026-11-26` */
  readonly date: string;
}

type Numbers = readonly [major: number, minor: number, patch: number];

/** @returns undefined for what is no version of a release */
export function numbersOf(version: string): Numbers | undefined {
  const parts = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/.exec(version)?.slice(1).map(Number);
  return parts === undefined ? undefined : (parts as unknown as Numbers);
}

/** Below zero: the first one is older. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [numbersOf(one) ?? [0, 0, 0], numbersOf(other) ?? [0, 0, 0]];
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}

/** Why this changelog cannot be cut so, a line each. */
export function problemsOfCut(changelog: string, cut: Cut): string[] {
  const { from, to } = cut;
  if (numbersOf(to) === undefined || numbersOf(from) === undefined)
    return ['a version is written as 1.2.3, without a v'];
  if (compareVersions(to, from) <= 0) return [`${to} does not come after ${from}, which package.json has`];
  const text = unreleased(changelog);
  if (text === undefined) return ['CHANGELOG.md has no section [Unreleased]'];
  const lines = text.split('\n').filter((line) => line.startsWith('- '));
  if (lines.length === 0) return ['CHANGELOG.md has nothing under [Unreleased]'];
  const headings = [...text.matchAll(/^### (.+)$/gm)].map(([, heading = '']) => heading);
  return [
    ...repeated(lines).map((line) => `CHANGELOG.md says twice: ${line}`),
    ...repeated(headings).map((heading) => `CHANGELOG.md has two sections ${heading} under [Unreleased]`),
    ...problemsOfHeadings(headings, cut),
  ];
}

/** What a version of this kind may not have. */
function problemsOfHeadings(headings: readonly string[], { from, to }: Cut): string[] {
  const [[major, minor], [lastMajor, lastMinor]] = [numbersOf(to) ?? [0, 0], numbersOf(from) ?? [0, 0]];
  const isPatch = major === lastMajor && minor === lastMinor;
  const mayMigrate = major > lastMajor || (major === 0 && !isPatch);
  const problems: string[] = [];
  if (isPatch && headings.includes('Added'))
    problems.push(`${to} is a patch version, and CHANGELOG.md adds something: that is a minor one`);
  const migrates = headings.find((heading) => heading.startsWith('Migrating'));
  if (migrates === undefined) return problems;
  if (!mayMigrate)
    problems.push(`${to} may ask nobody to migrate, and CHANGELOG.md has a section ${migrates}`);
  if (migrates !== `Migrating from ${from}`)
    problems.push(`CHANGELOG.md has a section ${migrates}, and the version before ${to} is ${from}`);
  return problems;
}

function repeated(texts: readonly string[]): string[] {
  return texts.filter((text, index) => texts.indexOf(text) !== index);
}

/** The changelog with the section of the version, and an empty one for what comes. */
export function cutChangelog(changelog: string, { from, to, date }: Cut): string {
  const links = `[Unreleased]: ${REPOSITORY}/compare/v${to}...HEAD\n[${to}]: ${REPOSITORY}/compare/v${from}...v${to}`;
  return changelog
    .replace(HEADING, () => `## [Unreleased]\n\n## [${to}] - ${date}`)
    .replace(/^\[Unreleased\]: .*$/m, () => links);
}

/** What is said of a version: for its release, without the heading. @returns undefined for one that it does not have */
export function sectionOf(changelog: string, version: string): string | undefined {
  return between(
    changelog,
    new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d\\d-\\d\\d$`, 'm'),
  );
}

/** What no version has yet. @returns undefined without such a section */
export function unreleased(changelog: string): string | undefined {
  return between(changelog, HEADING);
}

/** What is between a heading and the next one, or the links at the end. */
function between(changelog: string, heading: RegExp): string | undefined {
  const found = heading.exec(changelog);
  if (found === null) return undefined;
  const [text = ''] = changelog.slice(found.index + found[0].length).split(/^(?:## |\[[^\]]+\]: )/m);
  return text.trim();
}
