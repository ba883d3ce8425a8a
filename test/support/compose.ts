import { load } from 'js-yaml';
import { installed } from './format-readers.ts';
import type { Env } from './job.ts';
import { needsOtherUser } from './needs.ts';

/** A service of a compose file, as far as the example goes. */
export interface Service {
  readonly command: readonly string[];
  readonly user: string;
  readonly cap_add?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly environment: Env;
  readonly configs: readonly Mount[];
  readonly secrets: readonly string[];
  readonly volumes: readonly [Mount];
  readonly depends_on: Readonly<Record<string, { readonly condition: string }>>;
}

interface Mount {
  readonly source: string;
  readonly target: string;
  readonly bind?: { readonly create_host_path: boolean };
}

export interface Compose<Name extends string> {
  readonly services: Readonly<Record<Name | 'app', Service>>;
  readonly volumes?: Readonly<Record<string, { readonly driver_opts: Env }>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
}

/** @param Name the service with the secrets */
export function parseCompose<Name extends string>(text: string): Compose<Name> {
  return load(text) as Compose<Name>;
}

/** The command with the rights of the service and no others, where this user has any to give away. */
export function withRightsOf(
  { cap_add: added = [], user }: Service,
  command: readonly string[],
): [string, ...string[]] {
  const [program = '', ...args] = command;
  const [setpriv] = needsOtherUser().skip === false ? installed('setpriv') : [];
  if (setpriv === undefined) return [program, ...args];
  const rights = ['-all', ...added.map((name) => `+${name.toLowerCase()}`)].join(',');
  const [uid = '0', gid = '0'] = user.split(':');
  const ids = uid === '0' ? [] : [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  return [setpriv, ...ids, `--bounding-set=${rights}`, '--inh-caps=-all', program, ...args];
}

/** A text with the paths of another machine replaced by those of this one. */
export function placed(text: string, mounts: Env): string {
  return Object.entries(mounts).reduce((replaced, [from, to]) => replaced.replaceAll(from, to), text);
}
