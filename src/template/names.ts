import { RunError } from '../base/errors.ts';
import { nearestHint } from '../base/nearest.ts';
import { LAMBDAS } from './lambdas.ts';

/** Where a tag stands. */
export interface Place {
  /** Undefined: inline `contents`. */
  readonly file: string | undefined;
  /** From 1. */
  readonly line: number;
}

/** `app.mustache:3`, or `contents:3` for an inline template. */
export function placeText({ file, line }: Place): string {
  return `${file ?? 'contents'}:${String(line)}`;
}

export function templateError(place: Place, message: string, hint?: string): RunError {
  return new RunError('template', message, { where: placeText(place), hint });
}

/** Names after the dot, or inside the section of a secret, that are not keys. */
export const RESERVED = ['@entries', '@version', '@lease_id', '@lease_duration'] as const;
export type Reserved = (typeof RESERVED)[number];

/**
 * Refuses names that can never mean anything, whatever the secrets hold.
 * @throws RunError `template`
 */
export function checkName(name: string, use: 'variable' | 'section', place: Place): void {
  checkSpelling(name, place);
  const reserved = name.split('.').filter((part) => part.startsWith('@'));
  for (const part of reserved) checkReserved(part, place);
  if (use === 'variable' && reserved.includes('@entries')) {
    throw templateError(place, '@entries is a section', `write {{#${name}}}{{key}}={{value}}{{/${name}}}`);
  }
}

function checkSpelling(name: string, place: Place): void {
  if (/\s/.test(name)) {
    throw templateError(
      place,
      `the name \`${name}\` contains a space`,
      'to reach keys with spaces or dots, use {{#secret.@entries}}{{key}}={{value}}{{/secret.@entries}}',
    );
  }
  if (name !== '.' && name.split('.').includes('')) {
    const message = name === '' ? 'a tag has no name' : `the name \`${name}\` has an empty part`;
    throw templateError(place, message, 'names look like {{secret.key}}');
  }
}

function checkReserved(part: string, place: Place): void {
  if (LAMBDAS.has(part)) {
    throw templateError(place, `${part} is a section itself`, `write {{#${part}}}…{{/${part}}}`);
  }
  if (!(RESERVED as readonly string[]).includes(part)) {
    const known = [...RESERVED, ...LAMBDAS.keys()];
    throw templateError(place, `\`${part}\` is not a reserved name`, nearestHint(part, known, 'name'));
  }
}
