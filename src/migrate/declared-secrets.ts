import { quotedName } from '../base/key-path.ts';
import type { JsonValue } from '../base/secret-data.ts';
import { holdsCredential } from '../base/shown-text.ts';
import { Unsupported } from './unsupported.ts';

/** A request as another tool makes it. */
export interface SecretRequest {
  /** As it is written there. `${NAME}` stands for a variable. */
  readonly path: string;
  readonly version?: number | undefined;
  readonly write?: Readonly<Record<string, JsonValue>> | undefined;
  readonly list?: boolean | undefined;
  readonly namespace?: string | undefined;
  /** A missing one is no failure. */
  readonly optional?: boolean | undefined;
}

/** A secret of the config that is being made. */
export interface SecretUse extends SecretRequest {
  readonly name: string;
  /** What Go calls `.Data.x` is read of it, which no KV version 2 secret has: `data` is then a key. */
  isFlat: boolean;
}

/** Sections over entries have these names, and those of the tags that templates use. */
const TAKEN = ['key', 'value'];

/** Secrets by what is requested: the same request is one secret, whoever makes it. */
export class DeclaredSecrets {
  readonly #byRequest = new Map<string, SecretUse>();
  readonly #names = new Set<string>(TAKEN);

  /** @throws Unsupported for what is no path */
  declare(request: SecretRequest, wanted?: string): SecretUse {
    if (holdsCredential(request.path)) throw notAName('path');
    const { path, version, write, list, namespace, optional } = request;
    const normal = normalPath(path);
    const id = JSON.stringify([normal, version, write, list, namespace, optional]);
    const known = this.#byRequest.get(id);
    if (known !== undefined) return known;
    const use = { ...request, path: normal, name: this.#nameFor(wanted ?? normal), isFlat: false };
    this.#byRequest.set(id, use);
    return use;
  }

  all(): readonly SecretUse[] {
    return [...this.#byRequest.values()];
  }

  /** The last part of the path, and as many before it as it takes. */
  #nameFor(path: string): string {
    const parts = path
      .split('/')
      .map(asName)
      .filter((part) => part !== '');
    const candidates = parts.map((_, index) => parts.slice(parts.length - 1 - index).join('_'));
    const base = candidates.at(-1) ?? 'secret';
    const numbered = Array.from(
      { length: this.#names.size + 2 },
      (_, index) => `${base}_${String(index + 2)}`,
    );
    const name = [...candidates, ...numbered].find((one) => !this.#names.has(one)) ?? base;
    this.#names.add(name);
    return name;
  }
}

/** Without slashes around it, and without the API's version. */
export function normalPath(path: string): string {
  return path.replace(/^\/+|\/+$/g, '').replace(/^v1\//, '');
}

function asName(part: string): string {
  const plain = part
    .replace(/\$\{(\w+)[^}]*\}/g, '$1')
    .replace(/\W+/g, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase();
  return /^\d/.test(plain) ? `_${plain}` : plain;
}

/** A reference to a key, or to what is within it. @throws Unsupported */
export function referenceTo(secret: string, keys: readonly string[]): string {
  if (keys.some(holdsCredential)) throw notAName('key');
  return `${secret}#${escaped(keyText(keys))}`;
}

/** The part of a reference behind the `#`: a name, or a JSON pointer. */
export function keyText(keys: readonly string[]): string {
  const [key = ''] = keys;
  if (keys.length === 1) return /^[\w-]+$/.test(key) ? key : quotedName([key]);
  return keys.map((one) => `/${one.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function escaped(text: string): string {
  return text.replaceAll('${', () => '$${');
}

function notAName(what: 'path' | 'key'): Unsupported {
  return new Unsupported(
    `a ${what} that looks like a credential is left out`,
    `write the ${what}: a credential belongs elsewhere`,
  );
}
