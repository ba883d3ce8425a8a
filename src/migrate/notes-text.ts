import type { Draft, Problem } from './draft.ts';
import { NOTES } from './note-kinds.ts';

/** More places than this are counted. */
const MOST_PLACES = 5;

/** `notes.md`: what behaves differently, and what was not carried over. */
export function notesText(
  { notes }: Draft,
  problems: readonly Problem[],
  sources: readonly string[],
): string {
  const differences = [...notes].map(([kind, places]) => `- ${NOTES[kind]}${placesText([...places])}`);
  const parts = [
    '# Notes on the migration',
    `Made by \`vaultonce migrate\` from ${sources.map(code).join(', ')}. \`vaultonce check\` shows what the config does.`,
    ...(problems.length === 0
      ? []
      : [
          '## Not carried over',
          'Change these by hand: actions of templates are still there, as they were.',
          problems.map(({ where, message, hint }) => `- ${code(where)}: ${message}: ${hint}`).join('\n'),
        ]),
    '## What is different',
    differences.join('\n'),
  ];
  return `${parts.join('\n\n')}\n`;
}

function placesText(places: readonly string[]): string {
  const named = places.filter((place) => place !== '');
  if (named.length === 0) return '';
  const more = named.length - MOST_PLACES;
  const shown = named.slice(0, MOST_PLACES).map(code).join(', ');
  return ` (${shown}${more > 0 ? ` and ${String(more)} more` : ''})`;
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``;
}
