import type { JsonValue, KeyValues } from '../base/secret-data.ts';
import type { FormatProblem } from './format.ts';
import { PARTS, type Part } from './parts.ts';

/** PEM blocks, in the order in which they are to be written; some may be there twice. */
export type ChosenParts =
  { readonly blocks: ReadonlyMap<Part, readonly string[]> } | { readonly problems: readonly FormatProblem[] };

/** The names that pki gives to what a part is made of. */
const KEY_OF = {
  certificate: 'certificate',
  chain: 'ca_chain',
  root: 'ca_chain',
  key: 'private_key',
} as const;
/** What pki calls the chain when there is one link. */
const SINGLE_LINK = 'issuing_ca';
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g;

/**
 * The parts of a secret as pki issues it; other names are brought there by `keys.rename`. The certificate is the first
 * block of its key; what follows it there, and in `ca_chain`, has signed it. Roots sign themselves.
 * @param wanted undefined: all that there is, the chain as the server has ordered it
 */
export function chooseParts(values: KeyValues, wanted: readonly Part[] | undefined): ChosenParts {
  const problems: FormatProblem[] = [];
  const [leaf, ...others] = readBlocks(values, 'certificate', problems);
  const named = hasBlocks(values.get('ca_chain')) ? 'ca_chain' : SINGLE_LINK;
  const issuers = [...others, ...readBlocks(values, named, problems)];
  const tellsRoots = wanted?.some((part) => part === 'chain' || part === 'root') === true;
  const { chain, root } = tellsRoots ? splitRoots(issuers, named, problems) : { chain: issuers, root: [] };
  const blocks = {
    certificate: leaf === undefined ? [] : [leaf],
    chain: chain.filter((block) => block !== leaf),
    root,
    key: readBlocks(values, 'private_key', problems),
  };
  if (problems.length === 0) problems.push(...missingParts(blocks, wanted ?? []));
  if (problems.length > 0) return { problems };
  return { blocks: new Map((wanted ?? PARTS).map((part) => [part, blocks[part]])) };
}

/** Of a chain nothing may be left: a root that signs the certificate itself is all of it. */
function missingParts(
  blocks: Readonly<Record<Part, readonly string[]>>,
  wanted: readonly Part[],
): FormatProblem[] {
  const missing = wanted.filter((part) => part !== 'chain' && blocks[part].length === 0);
  if (missing.length > 0) return missing.map(absent);
  return (wanted.length === 0 ? PARTS : wanted).every((part) => blocks[part].length === 0) ? [nothing()] : [];
}

/** A part that was asked for by its name. */
export function absent(part: Part): FormatProblem {
  if (part !== 'root') {
    return { key: KEY_OF[part], reason: 'is not there', hint: 'give another key this name with keys.rename' };
  }
  return {
    key: KEY_OF.root,
    reason: 'has no root: no certificate that signs itself',
    hint: 'leave `root` out of `parts`, or import the root into the mount, so that the server sends it',
  };
}

function splitRoots(
  blocks: readonly string[],
  key: string,
  problems: FormatProblem[],
): Readonly<Record<'chain' | 'root', readonly string[]>> {
  const split: Record<'chain' | 'root', string[]> = { chain: [], root: [] };
  for (const block of blocks) {
    const signsItself = isRoot(block);
    if (signsItself === undefined) problems.push(noCertificate(key));
    else split[signsItself ? 'root' : 'chain'].push(block);
  }
  return split;
}

/** @returns undefined for anything but a certificate */
function isRoot(block: string): boolean | undefined {
  // Loaded here: few runs need it.
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  try {
    const certificate = new X509Certificate(block);
    return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey);
  } catch {
    return undefined;
  }
}

export function noCertificate(key: string): FormatProblem {
  return {
    key,
    reason: 'has a PEM block that is not a certificate',
    hint: 'check the value; chains hold certificates only',
  };
}

function readBlocks(values: KeyValues, key: string, problems: FormatProblem[]): readonly string[] {
  const value = values.get(key);
  if (value === undefined || isEmpty(value)) return [];
  const found = blocksOf(value);
  if (found === undefined) problems.push(noPem(key));
  return found ?? [];
}

function isEmpty(value: JsonValue): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0);
}

function hasBlocks(value: JsonValue | undefined): boolean {
  return value !== undefined && !isEmpty(value);
}

/** @returns undefined unless the value is PEM, or a list of PEM, and nothing else */
function blocksOf(value: JsonValue): readonly string[] | undefined {
  const texts = Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
  const blocks: string[] = [];
  for (const text of texts) {
    if (typeof text !== 'string') return undefined;
    const found = text.match(BLOCK) ?? [];
    if (found.length === 0 || text.replace(BLOCK, '').trim() !== '') return undefined;
    blocks.push(...found.map((block) => block.replaceAll('\r\n', '\n')));
  }
  return blocks;
}

function noPem(key: string): FormatProblem {
  return {
    key,
    reason: 'is not PEM: it needs `-----BEGIN …-----` blocks and nothing else',
    hint: 'issue it with `format: pem` in `write:`; for other content use `format: raw`',
  };
}

function nothing(): FormatProblem {
  const names = [...new Set(Object.values(KEY_OF)), SINGLE_LINK];
  return {
    key: KEY_OF.certificate,
    reason: 'is not there, and nothing else that could be written',
    hint: `it is made of ${names.join(', ')}; give other keys these names with keys.rename`,
  };
}
