import { enumeration, list, optional } from '../shape/definition.ts';

const MEANINGS = {
  certificate: 'The certificate itself.',
  chain: 'What signed it, without the root.',
  root: 'The root at the end of the chain.',
  key: 'The private key.',
};

export type Part = keyof typeof MEANINGS;

/** What `parts` of a certificate may be named. */
export const PARTS = Object.keys(MEANINGS) as Part[];

export const partsOption = optional(
  list(enumeration(MEANINGS), { isFilled: true }),
  'what is written, in this order. `chain` is what signed the certificate, without `root`. Default: everything there is.',
);
