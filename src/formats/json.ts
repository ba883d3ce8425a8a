import type { Format } from './format.ts';

/** One JSON object of all keys; numbers keep their digits. */
export const json: Format = {
  name: 'json',
  about: 'One JSON object.',
  target: 'file',
  nesting: 'objects',
  render: (values) => ({
    // Object.fromEntries makes `__proto__` a property like any other.
    files: [
      {
        name: undefined,
        content: Buffer.from(`${JSON.stringify(Object.fromEntries(values), undefined, 2)}\n`),
      },
    ],
  }),
};
