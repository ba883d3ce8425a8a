import { isJsonObject } from '../base/lossless-json.ts';
import type { Secret } from '../base/secret.ts';

const LONGEST_CHARACTERS = 400;

/** What the server repeats of a name that is none: a token or JWT where a role belongs. */
const TOKEN = /\bhv[sbr]\.[\w-]+|\beyJ[\w-]{6,}(?:\.[\w-]+)*/g;

/** Vault's own errors, made safe to show: `{"errors": ["…"]}`. */
export function errorTexts(body: unknown, sensitive: readonly Secret[]): string[] {
  return textList(body, 'errors').map((text) => presentable(text, sensitive));
}

/** Vault's own warnings, likewise. */
export function warningTexts(body: unknown, sensitive: readonly Secret[]): string[] {
  return textList(body, 'warnings').map((text) => presentable(text, sensitive));
}

function textList(body: unknown, field: 'errors' | 'warnings'): string[] {
  if (!isJsonObject(body)) return [];
  const list = body[field];
  return Array.isArray(list) ? list.filter((text) => typeof text === 'string') : [];
}

/**
 * A text from elsewhere as one harmless line: what was sent is blacked out, white space squeezed, control characters
 * dropped, and a leading `::`, `##[` or `##vso[` broken, which CI runners obey on stderr too.
 */
export function presentable(text: string, sensitive: readonly Secret[]): string {
  const redacted = sensitive
    .map((secret) => secret.reveal())
    .filter((value) => value !== '')
    .sort((a, b) => b.length - a.length)
    .reduce((result, value) => result.replaceAll(value, '[sent value]'), text);
  const line = redacted
    .replace(TOKEN, '[not shown]')
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, '')
    .trim();
  const harmless = line.replace(/:(?=:)/g, ': ').replace(/##(?=\[|vso\[)/g, '# #');
  return harmless.length > LONGEST_CHARACTERS ? `${harmless.slice(0, LONGEST_CHARACTERS)}…` : harmless;
}
