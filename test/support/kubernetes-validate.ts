import { readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { carriedBinaries } from './wheel.ts';

const PACKAGE = '1.37.0';
/** Of Kubernetes. */
const VERSION = 'v1.36.0';
const DEFINITIONS = '_definitions.json';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly $defs?: Readonly<Record<string, Schema>>;
}

interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
}

/** What is wrong with an object, by the strict schemas in the PyPI package `kubernetes-validate`, which are downloaded once into `.cache`. */
export async function kubernetesValidator(): Promise<(object: KubernetesObject) => string[]> {
  const directory = await carriedBinaries({
    packageName: 'kubernetes-validate',
    version: PACKAGE,
    directory: (files) =>
      files.find((file) => file.endsWith(`${VERSION}-local-strict/${DEFINITIONS}`))?.replace(/\/[^/]+$/, ''),
    cachedAs: `kubernetes-schemas-${VERSION}`,
    program: DEFINITIONS,
    prepare: (unpacked) => chmod(join(unpacked, DEFINITIONS), 0o755),
  });
  const read = (name: string): Schema => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Schema;
  const { $defs = {} } = read(DEFINITIONS);
  return (object) => {
    const [version = '', group] = object.apiVersion.split('/').reverse();
    const parts = [object.kind.toLowerCase(), ...(group === undefined ? [] : [group.split('.')[0]]), version];
    return problems(object, read(`${parts.join('-')}.json`), object.kind, $defs);
  };
}

type Definitions = Readonly<Record<string, Schema>>;

function problems(value: unknown, schema: Schema, path: string, definitions: Definitions): string[] {
  const { $ref, type, items = {}, required = [], enum: allowed } = schema;
  if ($ref !== undefined)
    return problems(value, definitions[$ref.split('/').at(-1) ?? ''] ?? {}, path, definitions);
  if (type !== undefined && ![type].flat().some((one) => isOfType(value, one)))
    return [`${path} is no ${[type].flat().join(', ')}`];
  if (allowed !== undefined && !allowed.includes(value)) return [`${path} has none of its values`];
  if (Array.isArray(value))
    return value.flatMap((item, index) => problems(item, items, `${path}[${String(index)}]`, definitions));
  if (!isMap(value)) return [];
  return [
    ...required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${path}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, inner]) => {
      const part = schema.properties?.[name] ?? schema.additionalProperties ?? {};
      if (part === false) return [`${path}.${name} does not exist`];
      return problems(inner, part === true ? {} : part, `${path}.${name}`, definitions);
    }),
  ];
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'object') return isMap(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return type === 'null' ? value === null : typeof value === type;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
