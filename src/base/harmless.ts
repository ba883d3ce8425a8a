/**
 * The last wall before a log, a report or a table: names that a server made up, and paths of a disk, may hold what terminals and CI
 * runners obey. https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
 */

/** Control characters, and those that end a line or turn its direction. `\p{Cc}` would cost more than the log of a run. */
const OBEYED = /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** A runner looks for these anywhere in a line, and for `::` at its beginning. */
const COMMAND = /##(?=\[|vso\[)/g;
const COMMAND_AT_START = /^(\s*:)(?=:)/;

/** A text as one line that nobody obeys. */
export function harmlessLine(text: string): string {
  return text.replace(OBEYED, escaped).replace(COMMAND_AT_START, '$1 ').replace(COMMAND, '# #');
}

/** A JSON document that means the same. None of its lines begins with a colon. */
export function harmlessJson(json: string): string {
  return json
    .replace(OBEYED, (character) => (character === '\n' ? character : escaped(character)))
    .replace(COMMAND, '#\\u0023');
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
