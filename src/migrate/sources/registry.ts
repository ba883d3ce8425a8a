import { AGENT } from './agent.ts';
import type { SourceFormat } from './source-format.ts';

/** The kinds of files that can be migrated; the first that recognises a file reads it. */
export const SOURCE_FORMATS: readonly SourceFormat[] = [AGENT];
