import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');

/** A fenced block of a document. */
export interface Block {
  /** `README.md:12`, where it starts. */
  readonly place: string;
  readonly file: string;
  readonly language: string;
  readonly text: string;
  /** What an HTML comment just before it says, which readers do not see. */
  readonly marker: string;
}

/** Every document of the repository, relative to its root. */
export function documents(): string[] {
  return globSync('**/*.md', {
    cwd: root,
    exclude: (name) => ['node_modules', 'dist', '.cache', '.git'].includes(name),
  }).sort();
}

/** The README and the guides: what people copy from. */
export function guides(): string[] {
  return documents().filter((file) => /(?:^|\/)README\.md$/.test(file));
}

export function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

export function blocksOf(file: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; line: number; marker: string; lines: string[] } | undefined;
  let marker = '';
  for (const [index, line] of textOf(file).split('\n').entries()) {
    const fence = /^```(\S*)$/.exec(line)?.[1];
    if (open !== undefined) {
      if (fence !== '') open.lines.push(line);
      else {
        const text = open.lines.map((one) => `${one}\n`).join('');
        blocks.push({
          place: `${file}:${String(open.line)}`,
          file,
          language: open.language,
          text,
          marker: open.marker,
        });
        open = undefined;
        marker = '';
      }
    } else if (fence !== undefined) {
      open = { language: fence, line: index + 1, marker, lines: [] };
    } else if (line !== '') {
      marker = /^<!-- (.+) -->$/.exec(line)?.[1] ?? '';
    }
  }
  if (open !== undefined) throw new Error(`${file}:${String(open.line)}: the block has no end`);
  return blocks;
}

/** The blocks of the README and of the guides in one of these languages. */
export function blocksIn(...languages: readonly string[]): Block[] {
  return guides()
    .flatMap(blocksOf)
    .filter(({ language }) => languages.includes(language));
}

/** The text without fenced blocks and code spans. */
export function proseOf(file: string): string {
  return textOf(file)
    .replaceAll(/^```[\s\S]*?^```$/gm, '')
    .replaceAll(/`[^`\n]+`/g, '`');
}

/** The anchors that GitHub makes of the headings. */
export function anchorsOf(file: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading = ''] of textOf(file)
    .replaceAll(/^```[\s\S]*?^```$/gm, '')
    .matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    anchors.add(times === 0 ? slug : `${slug}-${String(times)}`);
  }
  return anchors;
}

/** The cells of each row of each table, without emphasis and backticks. */
export function tableRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.replaceAll(/\*\*|`/g, '').trim()),
    );
}
