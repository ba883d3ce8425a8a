import { join } from 'node:path';
import { dist } from './paths.ts';

/** What a standalone binary can be built for: Bun's names of systems. */
export const TARGETS: readonly string[] = [
  'linux-x64',
  'linux-arm64',
  'linux-x64-musl',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
];

/**
 * The target of this name, which may have its processor in the word of container images: `linux-amd64`.
 * @throws Error if there is none
 */
export function targetNamed(name: string): string {
  const target = name.replace('-amd64', '-x64');
  if (TARGETS.includes(target)) return target;
  throw new Error(`there is no target ${name}: ${TARGETS.join(', ')}`);
}

export function thisMachine(): string {
  const { platform, arch } = process;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const isMusl = platform === 'linux' && header.glibcVersionRuntime === undefined;
  return `${platform}-${arch}${isMusl ? '-musl' : ''}`;
}

export function standaloneBinary(target = thisMachine()): string {
  return join(dist, 'standalone', `vaultonce-${target}`);
}
