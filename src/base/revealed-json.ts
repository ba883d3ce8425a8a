import { Secret } from './secret.ts';

/** JSON with secrets as they are, and Maps as lists of their entries: to compare or to hash, and neither to keep nor to show. */
export function revealedJson(value: unknown): string {
  return JSON.stringify(
    value,
    function (this: Readonly<Record<string, unknown>>, key: string, one: unknown): unknown {
      // `one` is the placeholder from toJSON of a secret.
      const own = this[key];
      if (own instanceof Secret) return own.reveal();
      return one instanceof Map ? [...(one as Map<string, unknown>)] : one;
    },
  );
}
