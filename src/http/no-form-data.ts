/**
 * Evaluated before axios: its probe for `FormData` makes Node load the whole built-in fetch, 15 to 25 ms of a run that
 * takes 60. Nothing here sends forms. It has to be an assignment: Object.defineProperty reads the old value first, which
 * is what loads it.
 */
(globalThis as { FormData: unknown }).FormData = undefined;

export {};
