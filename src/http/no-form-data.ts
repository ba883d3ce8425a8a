/**
 * Evaluated before axios, whose probe for `FormData` makes Node load its whole built-in fetch. Nothing here sends forms. This must be
 * an assignment: Object.defineProperty reads the old value first, and that loads it, too.
 */
(globalThis as { FormData: unknown }).FormData = undefined;

export {};
