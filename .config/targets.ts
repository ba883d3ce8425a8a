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

export function thisMachine(): string {
  const { platform, arch } = process;
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const isMusl = platform === 'linux' && header.glibcVersionRuntime === undefined;
  return `${platform}-${arch}${isMusl ? '-musl' : ''}`;
}

export function standaloneBinary(target = thisMachine()): string {
  return join(dist, 'standalone', `vaultonce-${target}`);
}
