import type { Failure } from '../base/errors.ts';
import { ENGINES } from '../engines/index.ts';
import { missingCapabilities } from '../fetch/capabilities.ts';
import type { InspectedRead } from '../run/inspect.ts';
import { alignColumns } from './table.ts';

/** What the token may do at the path of a request. */
export interface Access {
  readonly secrets: readonly string[];
  readonly path: string;
  readonly namespace: string | null;
  readonly needs: readonly string[];
  readonly has: readonly string[];
  readonly allowed: boolean;
}

export function describeAccess({ read, need, capabilities }: InspectedRead): Access {
  const needs = need.capabilities;
  return {
    secrets: read.secrets.map(({ name }) => name),
    path: need.path,
    namespace: read.request.namespace ?? null,
    needs,
    has: capabilities,
    allowed: missingCapabilities(needs, capabilities).length === 0,
  };
}

export function denialOf({ read, need, capabilities }: InspectedRead): Failure[] {
  const { path, capabilities: needs } = need;
  if (missingCapabilities(needs, capabilities).length === 0) return [];
  const list = needs.map((capability) => `"${capability}"`).join(', ');
  return [
    {
      kind: 'denied',
      message: `the token may not ${needs.join(' and ')} ${path}`,
      where: read.secrets.map(({ where }) => where).join(', '),
      hint: `a policy of the token must allow it: path "${path}" { capabilities = [${list}] }; \`vaultonce policy\` prints the whole policy`,
    },
  ];
}

/** How secrets are read that leave it to the mount table: declared, it would save the look-up. */
export interface FoundEngine {
  readonly secrets: readonly string[];
  readonly engine: string;
  /** Needs to be declared, too. */
  readonly mount?: string;
}

export function enginesFound(inspected: readonly InspectedRead[]): readonly FoundEngine[] {
  const found = new Map<string, FoundEngine & { readonly secrets: string[] }>();
  for (const { read } of inspected) {
    const mount = read.mount?.slice(0, -1) ?? '';
    const more = ENGINES.kv2 === read.engine && mount.includes('/') ? { mount } : {};
    const names = read.secrets.filter(({ needsMountTable }) => needsMountTable).map(({ name }) => name);
    const key = JSON.stringify([read.engine.name, more]);
    const one = found.get(key) ?? { secrets: [], engine: read.engine.name, ...more };
    for (const name of names) if (!one.secrets.includes(name)) one.secrets.push(name);
    if (one.secrets.length > 0) found.set(key, one);
  }
  return [...found.values()];
}

export function engineAdvice(engines: readonly FoundEngine[]): string[] {
  if (engines.length === 0) return [];
  const rows = engines.map(({ secrets, engine, mount }) => [
    secrets.join(', '),
    `engine: ${engine}${mount === undefined ? '' : `, mount: ${mount}`}`,
  ]);
  return ['', ...alignColumns(['SECRET', 'DECLARED, IT SAVES THE MOUNT LOOK-UP'], rows)];
}

export function accessTable(access: readonly Access[]): string[] {
  const rows = access.map(({ secrets, path, needs, has, allowed }) => [
    secrets.join(', '),
    path,
    needs.join(', '),
    has.join(', '),
    allowed ? 'allowed' : 'DENIED',
  ]);
  return ['', ...alignColumns(['SECRET', 'PATH ON THE SERVER', 'NEEDS', 'HAS', ''], rows)];
}
