import { RunError } from '../base/errors.ts';
import { stepsOf, type KeyStep } from '../base/key-path.ts';
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

/** A reserved name, and not the key in quotes that is called the same. */
export function isReserved({ name, isQuoted }: KeyStep): boolean {
  return !isQuoted && name.startsWith('@');
}

/**
 * The steps of a name; none for `.`, which is what its section is about.
 * @throws RunError `template` for a name that can never mean anything, whatever the secrets hold
 */
export function parseName(name: string, use: 'variable' | 'section', place: Place): readonly KeyStep[] {
  if (name === '.') return [];
  const steps = stepsOf(name);
  if (steps === undefined) {
    throw templateError(
      place,
      `the quotes in the name \`${name}\` do not match`,
      'quotes are around a whole key, with the escapes of JSON: {{secret."a key".name}}',
    );
  }
  checkSpelling(name, steps, place);
  const reserved = steps.filter(isReserved);
  for (const step of reserved) checkReserved(step.name, place);
  if (use === 'variable' && reserved.some((step) => step.name === '@entries')) {
    throw templateError(place, '@entries is a section', `write {{#${name}}}{{key}}={{value}}{{/${name}}}`);
  }
  return steps;
}

function checkSpelling(name: string, steps: readonly KeyStep[], place: Place): void {
  const plain = steps.filter(({ isQuoted }) => !isQuoted);
  if (plain.some((step) => /\s/.test(step.name))) {
    throw templateError(
      place,
      `the name \`${name}\` contains a space`,
      'put a key with spaces in quotes: {{secret."a key"}}',
    );
  }
  if (plain.some((step) => step.name === '')) {
    const message = name === '' ? 'a tag has no name' : `the name \`${name}\` has an empty part`;
    throw templateError(place, message, 'names look like {{secret.key}}, or {{secret."key"}} for any key');
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
