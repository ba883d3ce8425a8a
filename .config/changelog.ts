/** The text of a version in CHANGELOG.md, without its heading; undefined where there is none, and none of `Unreleased`. */
export function entryOf(changelog: string, version: string): string | undefined {
  const sections = changelog.split(/^## /m).slice(1);
  const found = sections.find((section) => section.startsWith(`[${version}] - `));
  if (found === undefined) return undefined;
  const text = found.slice(found.indexOf('\n')).trim();
  // Links to versions may follow the last one.
  return text.replace(/\n(?:\[[^\]]+\]: \S+\n?)+$/, '').trim();
}
