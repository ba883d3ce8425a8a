import type { JsonValue } from '../secrets.ts';
import type { Format, FormatProblem } from './format.ts';

/**
 * What may be in a bundle, in the order that servers read it: the leaf first, then what signed it (RFC 8446 §4.4.2), the
 * key last. nginx takes certificate and chain from one file and the key from another, HAProxy all from one: `keys.include`
 * chooses. The root is a part of the chain only if the server sent it as such.
 */
const PARTS = ['certificate', 'ca_chain', 'private_key'] as const;
/** What pki calls the chain when there is one link. */
const SINGLE_LINK = 'issuing_ca';

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g;

/** A PEM bundle (RFC 7468) of a secret as pki issues it; other names are brought there by `keys.rename`. */
export const pem: Format = {
  name: 'pem',
  target: 'file',
  render(values) {
    const problems: FormatProblem[] = [];
    const blocks = new Set<string>();
    for (const part of PARTS) {
      const key = part === 'ca_chain' && !hasBlocks(values.get(part)) ? SINGLE_LINK : part;
      const value = values.get(key);
      if (value === undefined || isEmpty(value)) continue;
      const found = blocksOf(value);
      if (found === undefined) problems.push(noPem(key));
      // A chain may start with the issuer that stands beside it, too.
      else for (const block of found) blocks.add(block);
    }
    if (problems.length === 0 && blocks.size === 0) problems.push(nothing());
    if (problems.length > 0) return { problems };
    const text = [...blocks].map((block) => `${block}\n`).join('');
    return { files: [{ name: undefined, content: Buffer.from(text) }] };
  },
};

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
  return {
    key: PARTS[0],
    reason: 'is not there, and nothing else that a PEM bundle could hold',
    hint: `it is made of ${[...PARTS, SINGLE_LINK].join(', ')}; give other keys these names with keys.rename`,
  };
}
