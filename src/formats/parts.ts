/** What `parts` of a certificate may be named. */
export const PARTS = ['certificate', 'chain', 'root', 'key'] as const;
export type Part = (typeof PARTS)[number];
