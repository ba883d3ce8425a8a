import { load } from 'js-yaml';
import { installed } from './format-readers.ts';
import type { Env } from './job.ts';
import { needsRoot } from './needs.ts';

/** A service of a compose file, as far as the example goes. */
export interface Service {
  readonly command: readonly string[];
  readonly user: string;
  readonly cap_add: readonly string[];
  readonly environment: Env;
  readonly configs: readonly Mount[];
  readonly secrets: readonly string[];
  readonly volumes: readonly [Mount];
  readonly depends_on: Readonly<Record<string, { readonly condition: string }>>;
}

interface Mount {
  readonly source: string;
  readonly target: string;
}

export interface Compose {
  readonly services: { readonly secrets: Service; readonly app: Service };
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
}

export function parseCompose(text: string): Compose {
  return load(text) as Compose;
}

/** The command with the rights of the service and no others, where this user has any to give away. */
export function withRightsOf({ cap_add: added }: Service, command: readonly string[]): [string, ...string[]] {
  const [program = '', ...args] = command;
  const [setpriv] = needsRoot().skip === false ? installed('setpriv') : [];
  if (setpriv === undefined) return [program, ...args];
  const rights = ['-all', ...added.map((name) => `+${name.toLowerCase()}`)].join(',');
  return [setpriv, `--bounding-set=${rights}`, '--inh-caps=-all', program, ...args];
}

/** A text with the paths of another machine replaced by those of this one. */
export function placed(text: string, mounts: Env): string {
  return Object.entries(mounts).reduce((replaced, [from, to]) => replaced.replaceAll(from, to), text);
}
