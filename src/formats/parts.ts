import { enumeration, list, optional } from '../shape/definition.ts';

/** What `parts` of a certificate may be named. */
export const PARTS = ['certificate', 'chain', 'root', 'key'] as const;
export type Part = (typeof PARTS)[number];

export const partsOption = optional(
  list(enumeration(PARTS), { isFilled: true }),
  'what is written, in this order. `chain` is what signed the certificate, without `root`. Default: everything there is.',
);
