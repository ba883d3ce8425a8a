import { Unsupported } from './unsupported.ts';

/** An entry of `secrets` of vault-action: `PATH KEY | NAME`, `PATH KEY`, `PATH *`, `PATH * | PREFIX`, `PATH **`. */
export interface ActionSecret {
  readonly path: string;
  readonly selector: string;
  /** Empty: that of the key. */
  readonly name: string;
}

/** @returns undefined for what the action refuses, too */
export function parseActionSecret(text: string): ActionSecret | undefined {
  const [, spec = '', name] = /^(.*?)(?:\|([^|]*))?$/s.exec(text) ?? [];
  const [, path, selector = ''] = /^(\S+|\$\{\{.*\}\}\S*)\s+(.+)$/s.exec(spec.trim()) ?? [];
  if (path === undefined || name?.trim() === '') return undefined;
  return { path, selector, name: name?.trim() ?? '' };
}

/** Whether it means all keys of the secret; the name is then what theirs begin with. */
export function isForAll({ selector }: ActionSecret): boolean {
  return selector === '*' || selector === '**';
}

/** How names are made of keys, as `keys:` of the config says it. */
export type KeysForAll = Readonly<{ sanitize: true; case?: 'upper'; prefix?: string }>;

/** For all keys: `*` writes names in upper case, `**` leaves their case as it is. */
export function keysForAll({ selector, name }: ActionSecret): KeysForAll {
  const isUpper = selector === '*';
  const prefix = isUpper ? name.toUpperCase() : name;
  return {
    sanitize: true,
    ...(isUpper ? { case: 'upper' } : {}),
    ...(prefix === '' ? {} : { prefix }),
  };
}

/** As the action names a variable. @throws Unsupported */
export function variableName({ selector, name: given }: ActionSecret): string {
  const plain = selector
    .replaceAll('"', '')
    .replaceAll('.', '__')
    .replace(/[^\p{L}\p{N}_-]/gu, '');
  const name = given === '' ? plain.toUpperCase() : given;
  if (/^[A-Za-z_]\w*$/.test(name)) return name;
  throw new Unsupported(
    'the name is none that a variable can have',
    'name it behind a `|`: letters, digits and `_`',
  );
}

/** The key, and the keys within its value, that a selector names. @throws Unsupported for one that computes something */
export function keysOfSelector({ selector }: ActionSecret): readonly string[] {
  const steps = [...selector.matchAll(/(?:^|\.)(?:"([^"]+)"|`([^`]+)`|([A-Za-z_$][\w$-]*))((?:\[\d+\])*)/gy)];
  if (steps.map(([step]) => step).join('') !== selector)
    throw new Unsupported(
      'a selector that computes something has no counterpart',
      'name a key, or its keys with dots',
    );
  return steps.flatMap(([, quoted, ticked, plain, indexes = '']) => [
    quoted ?? ticked ?? plain ?? '',
    ...[...indexes.matchAll(/\d+/g)].map(([index]) => index),
  ]);
}
