import { isJsonObject } from '../base/lossless-json.ts';
import type { Secret } from '../base/secret.ts';

const LONGEST_CHARACTERS = 400;
const PLAIN = /^[ -~]*$/;
/** The name of a policy: there is nothing in it to hide or to break. */
const NAME = /^[a-z][a-z_-]{0,99}$/;

/** What the server repeats of a name that is none: a token or JWT where a role belongs. */
const TOKEN = /\bhv[sbr]\.[\w-]+|\beyJ[\w-]{6,}(?:\.[\w-]+)*/g;

/** Vault's own errors, made safe to show: `{"errors": ["…"]}`. */
export function errorTexts(body: unknown, sensitive: readonly Secret[]): string[] {
  return textList(body, 'errors', sensitive);
}

/** Vault's own warnings, likewise. */
export function warningTexts(body: unknown, sensitive: readonly Secret[]): string[] {
  return textList(body, 'warnings', sensitive);
}

function textList(body: unknown, field: 'errors' | 'warnings', sensitive: readonly Secret[]): string[] {
  const list = isJsonObject(body) ? body[field] : undefined;
  if (!Array.isArray(list)) return [];
  return list.filter((text) => typeof text === 'string').map((text) => presentable(text, sensitive));
}

/**
 * A text from elsewhere as one harmless line: what was sent is blacked out in any of its forms, white space squeezed, control
 * characters dropped, and a leading `::`, `##[` or `##vso[` broken, which CI runners obey on stderr too.
 */
export function presentable(text: string, sensitive: readonly Secret[]): string {
  // This stands between the answer to a login and the next request, where each pattern takes time that is used for the first time.
  if (NAME.test(text) && sentIn(text, sensitive).length === 0) return text;
  const squeezed = withoutSent(text, sensitive).replace(TOKEN, HIDDEN_MARK).replace(/\s+/g, ' ');
  // V8 loads Unicode's tables for these, so not for the names of policies.
  const line = (
    PLAIN.test(squeezed) ? squeezed : squeezed.replace(/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu, '')
  ).trim();
  // What was torn apart by a character that is gone now is whole again.
  const redacted = withoutSent(line, sensitive)
    .replaceAll(SENT_MARK, '[sent value]')
    .replaceAll(HIDDEN_MARK, '[not shown]');
  const harmless = redacted.replace(/:(?=:)/g, ': ').replace(/##(?=\[|vso\[)/g, '# #');
  return harmless.length > LONGEST_CHARACTERS ? `${harmless.slice(0, LONGEST_CHARACTERS)}…` : harmless;
}

/*
 * Stand for the words until nothing more is looked for: a short value would be found in them. Characters of private use, which no
 * message has.
 */
const SENT_MARK = '\ue000';
const HIDDEN_MARK = '\ue001';
/** A shorter value is part of many a text by chance, once it is encoded. */
const SHORTEST_ENCODED_CHARACTERS = 6;
/** What is not looked for in an encoded form: no server repeats so much. */
const LONGEST_ENCODED_CHARACTERS = 16_384;

/** Whether a text has what was sent in it, in any form. */
export function repeatsSent(text: string, sensitive: readonly Secret[]): boolean {
  return withoutSent(text, sensitive) !== text;
}

/** What may be in a text: a value that is more than twice as long is in it in no form. Long ones first. */
function sentIn(text: string, sensitive: readonly Secret[]): string[] {
  return sensitive
    .map((secret) => secret.reveal())
    .filter((value) => value !== '' && value.length <= 2 * text.length)
    .sort((a, b) => b.length - a.length);
}

function withoutSent(text: string, sensitive: readonly Secret[]): string {
  const values = sentIn(text, sensitive);
  const plain = values.reduce((result, value) => result.replaceAll(value, SENT_MARK), text);
  return values.reduce(withoutEncoded, plain);
}

function withoutEncoded(text: string, value: string): string {
  if (value.length < SHORTEST_ENCODED_CHARACTERS || value.length > LONGEST_ENCODED_CHARACTERS) return text;
  return [
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    JSON.stringify(JSON.stringify(value).slice(1, -1)).slice(1, -1),
  ]
    .filter((form) => form !== value)
    .concat(runsWith(text, BASE64_RUN, base64Forms(value)), runsWith(text, HEX_RUN, hexForms(value)))
    .reduce((result, form) => result.replaceAll(form, SENT_MARK), text);
}

const BASE64_RUN = /[A-Za-z0-9+/_-]{6,}={0,2}/g;
const HEX_RUN = /[0-9A-Fa-f]{12,}/g;

/** Stretches of an alphabet that contain a value: what stands beside it, in one encoding, goes too. */
function runsWith(text: string, run: RegExp, forms: readonly string[]): string[] {
  return (text.match(run) ?? []).filter((found) => forms.some((form) => found.includes(form)));
}

/** By where in a longer text it stands; without the characters that also depend on what stands beside it. */
function base64Forms(value: string): string[] {
  return ['', 'x', 'xy'].flatMap((before) => {
    const inner = Buffer.from(`${before}${value}`)
      .toString('base64')
      .slice(before === '' ? 0 : 4)
      .replace(/.=+$/, '');
    return inner.length < 4 ? [] : [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function hexForms(value: string): string[] {
  const hex = Buffer.from(value).toString('hex');
  return [hex, hex.toUpperCase()];
}
