import type { JsonValue } from '../base/secret-data.ts';

/** As long as a line of a map or a list on one line may be. */
const LONGEST = 108;

/** What YAML 1.1 and 1.2 both read as a text without quotes. */
const PLAIN =
  /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z_/][\w./@-]*(?::[\w/.@-]+)*(?: [A-Za-z_][\w./-]*)*$/i;
const WITH_HASH = /^[A-Za-z_][\w./-]*#[\w/-]+$/;

/** A map as YAML; maps and lists that fit into a line are on one. */
export function yamlOf(value: Readonly<Record<string, JsonValue>>): string {
  return Object.entries(value)
    .map(([key, item]) => entry(key, item, ''))
    .join('');
}

function entry(key: string, value: JsonValue, indent: string, first = indent): string {
  const isBranch = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  const line = `${first}${scalar(key)}: ${flow(value)}`;
  // A list of maps is easier to read with one in each line.
  const isList = Array.isArray(value) && value.some((item) => typeof item === 'object');
  const isLong =
    line.length > LONGEST || (indent === '' && key !== 'vault' && key !== 'auth' && key !== 'output');
  if (!isBranch || (!isList && !isLong)) return `${line}\n`;
  return `${first}${scalar(key)}:\n${block(value, `${indent}  `)}`;
}

function block(value: JsonValue, indent: string): string {
  if (Array.isArray(value))
    return (value as readonly JsonValue[]).map((item) => listItem(item, indent)).join('');
  const entries = Object.entries(value as Readonly<Record<string, JsonValue>>);
  return entries.map(([key, item]) => entry(key, item, indent)).join('');
}

function listItem(value: JsonValue, indent: string): string {
  const line = `${indent}- ${flow(value)}`;
  if (line.length <= LONGEST || typeof value !== 'object' || value === null || Array.isArray(value))
    return `${line}\n`;
  const inner = `${indent}  `;
  return Object.entries(value as Readonly<Record<string, JsonValue>>)
    .map(([key, item], index) => entry(key, item, inner, index === 0 ? `${indent}- ` : inner))
    .join('');
}

function flow(value: JsonValue): string {
  if (Array.isArray(value)) return `[${(value as readonly JsonValue[]).map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return scalar(value);
  const entries = Object.entries(value as Readonly<Record<string, JsonValue>>).map(
    ([key, item]) => `${scalar(key)}: ${flow(item)}`,
  );
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** A text in single quotes has no escapes. */
const UNESCAPED = /^[^'\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*$/;

function scalar(value: JsonValue): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  if (PLAIN.test(value) || WITH_HASH.test(value)) return value;
  return UNESCAPED.test(value) && value.isWellFormed() ? `'${value}'` : JSON.stringify(value);
}
