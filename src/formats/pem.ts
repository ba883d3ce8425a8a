import { object, type TypeOf } from '../shape/definition.ts';
import { chooseParts } from './certificate-parts.ts';
import type { Format } from './format.ts';
import { partsOption } from './parts.ts';

const options = object({ parts: partsOption });

/**
 * A PEM bundle (RFC 7468) of a secret as pki issues it. Without `parts` all of it, in the order that servers read: the
 * leaf first, then what signed it (RFC 8446 §4.4.2), the key last.
 */
export const pem: Format<TypeOf<typeof options>> = {
  name: 'pem',
  about: 'Certificate, chain and key of pki, in one file.',
  target: 'file',
  options,
  render(values, { parts }) {
    const chosen = chooseParts(values, parts);
    if ('problems' in chosen) return chosen;
    // A chain may start with the issuer that is in its own key, too.
    const blocks = new Set([...chosen.blocks.values()].flat());
    const text = [...blocks].map((block) => `${block}\n`).join('');
    return { files: [{ name: undefined, content: Buffer.from(text) }] };
  },
};
