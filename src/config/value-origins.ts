import type { ConfigPath } from './interpolate.ts';
import { isFields, type Merged } from './merge.ts';
import { pathText } from './path-text.ts';
import { placeOfSetting, SETTINGS, settingKeyOf, type SettingName } from './settings.ts';
import type { Surroundings } from './surroundings.ts';

/** A key of the config, and where its value comes from. Never the value: it may be a credential. */
export interface ValueOrigin {
  readonly key: string;
  /** `vaultonce.yaml:3`, `--set timeout`, `$VAULT_ADDR`. */
  readonly from: string;
}

/** What each part has below itself; of all else the entries are told. */
const DEPTHS: Readonly<Record<string, number>> = { vault: 3, auth: 2, output: 2, secrets: 2, environment: 2 };

/** Every key that has a value, in the order of the config, and then those that only variables or flags have. */
export function valueOrigins(merged: Merged, { flags, env }: Surroundings): readonly ValueOrigin[] {
  const overridden = new Map(
    (Object.keys(SETTINGS) as SettingName[]).flatMap((name) => {
      const key = settingKeyOf(name);
      const from = placeOfSetting(name, flags, env);
      return key === undefined || from === key ? [] : [[key, from] as const];
    }),
  );
  const declared = Object.entries(merged.value).flatMap(([part, value]) =>
    keysIn([part], value).map((path): ValueOrigin => {
      const key = pathText(path);
      const { source, path: local } = merged.originOf(path);
      return { key, from: overridden.get(key) ?? source.placeOf(local) };
    }),
  );
  const known = new Set(declared.map(({ key }) => key));
  const others = [...overridden].filter(([key]) => !known.has(key));
  return [...declared, ...others.map(([key, from]) => ({ key, from }))];
}

function keysIn(path: ConfigPath, value: unknown): ConfigPath[] {
  const [part = ''] = path;
  if (path.length === 1 && Array.isArray(value)) return value.map((_, index) => [...path, index]);
  if (!isFields(value) || path.length >= (DEPTHS[part] ?? 1)) return [path];
  return Object.entries(value).flatMap(([key, item]) => keysIn([...path, key], item));
}
