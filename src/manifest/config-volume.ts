import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import type { Failure } from '../base/errors.ts';
import type { ConfigPath } from '../config/interpolate.ts';
import type { Fields, ManifestInput, TemplateUse } from './manifest-input.ts';
import { yamlText } from './yaml-text.ts';

export const CONFIG_DIRECTORY = '/etc/vaultonce';
export const CONFIG_FILE = 'vaultonce.yaml';
/** Of etcd, with room for what else a ConfigMap has. */
const LARGEST_BYTES = 1_000_000;

export interface ConfigFiles {
  /** By the key of the ConfigMap. */
  readonly data: Readonly<Record<string, string>>;
  /** Undefined: each key is the name of its file. */
  readonly items: readonly { readonly key: string; readonly path: string }[] | undefined;
  readonly problems: readonly Failure[];
}

/**
 * The config and its templates, as files of one ConfigMap.
 * @param changes texts of the config that are others in a pod
 */
export function configFiles(
  { written, templates, placeOf }: Pick<ManifestInput, 'written' | 'templates' | 'placeOf'>,
  changes: readonly Change[],
): ConfigFiles {
  const files = new Map<string, string>();
  const problems: Failure[] = [];
  const add = (path: string, text: string, at: ConfigPath | undefined): void => {
    const known = files.get(path);
    files.set(path, text);
    if (path === CONFIG_FILE || (known !== undefined && known !== text))
      problems.push({
        kind: 'config',
        message: 'two files would have one name in the ConfigMap',
        where: at && placeOf(at),
        hint: 'rename this template, or what it includes',
      });
  };
  const moved = templates.flatMap((use) => movedTemplate(use, add));
  const changed = [...changes, ...moved].reduce(withChange, written);
  const all = new Map([[CONFIG_FILE, yamlText(changed)], ...files]);
  const keys = keysOf([...all.keys()]);
  const data = Object.fromEntries([...all].map(([path, text]) => [keys.get(path) ?? path, text]));
  const isPlain = [...keys].every(([path, key]) => path === key);
  const items = isPlain ? undefined : [...keys].map(([path, key]) => ({ key, path }));
  return { data, items, problems: [...problems, ...tooLarge(data)] };
}

/** What stands at a path of the config. */
export interface Change {
  readonly at: ConfigPath;
  readonly text: string;
}

type Add = (path: string, text: string, at: ConfigPath | undefined) => void;

function movedTemplate({ at, template, partials }: TemplateUse, add: Add): Change[] {
  const path = template && placeInVolume(template.file);
  for (const { file, source } of partials)
    add(join(path === undefined ? '.' : dirname(path), file), source, at);
  if (path === undefined || template === undefined || at === undefined) return [];
  add(path, template.source, at);
  return [{ at, text: path.replaceAll('${', '$$$${') }];
}

/** Where it is relative to the config; what is elsewhere comes beside it. */
function placeInVolume(file: string): string {
  const path = normalize(file);
  return isAbsolute(path) || path.startsWith('..') ? basename(path) : path;
}

function withChange(value: Fields, { at, text }: Change): Fields {
  return changed(value, at, text) as Fields;
}

function changed(value: unknown, [step, ...rest]: ConfigPath, text: string): unknown {
  if (step === undefined) return text;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (index === step ? changed(item, rest, text) : item));
  }
  const fields = (value ?? {}) as Fields;
  return { ...fields, [step]: changed(fields[step], rest, text) };
}

/** A key has letters, digits, `-`, `_` and `.` only. */
function keysOf(paths: readonly string[]): Map<string, string> {
  const keys = new Map<string, string>();
  for (const path of paths) {
    const wanted = path.replace(/[^-._a-zA-Z0-9]/g, '_').slice(0, 240);
    const taken = [...keys.values()];
    let key = wanted;
    for (let count = 2; taken.includes(key); count += 1) key = `${wanted}_${String(count)}`;
    keys.set(path, key);
  }
  return keys;
}

function tooLarge(data: Readonly<Record<string, string>>): Failure[] {
  const bytes = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes <= LARGEST_BYTES) return [];
  return [
    {
      kind: 'config',
      message: `config and templates have ${String(Math.ceil(bytes / 1024))} KiB, more than a ConfigMap holds`,
      hint: 'leave out templates of large static text: put it into the image of the application',
    },
  ];
}
