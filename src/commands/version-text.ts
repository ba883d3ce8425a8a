/** What it was built of. */
export interface Build {
  /** In hex digits, all of them. */
  readonly commit: string | null;
  /** There were changes that no commit has. */
  readonly modified: boolean | null;
  /** When the commit was made: nothing of the build itself, so that it can be repeated. */
  readonly build_time: string | null;
  /** Why something of this is null. */
  readonly unknown_because: string | null;
}

/** By kind, the names that a config or a command line may have. */
type Features = Readonly<Record<string, readonly string[]>>;

interface Runtime {
  readonly name: 'node' | 'bun';
  readonly version: string;
}

/** Both are texts of the build. The target is that of a standalone binary, `linux-x64-musl`, or `node`. */
declare const VAULTONCE_BUILD: Build;
declare const VAULTONCE_TARGET: string;

/** What `vaultonce version` prints. */
export function versionText(version: string, features: Features, json: boolean): string {
  const target = VAULTONCE_TARGET;
  const { commit, modified, build_time, unknown_because } = VAULTONCE_BUILD;
  const runtime = runtimeHere();
  const all = {
    ...{ version, commit, modified, build_time, unknown_because },
    ...{ runtime, target, platform: process.platform, arch: process.arch, libc: libcHere(target) },
    features,
  };
  if (json) return `${JSON.stringify(all, undefined, 2)}\n`;
  const made = `${commit ?? 'unknown'}${modified === true ? ', modified' : ''}`;
  const lines = {
    commit: commit === null ? `unknown: ${unknown_because ?? ''}` : made,
    'build time': build_time ?? `unknown: ${unknown_because ?? ''}`,
    runtime: `${runtime.name === 'bun' ? 'Bun' : 'Node.js'} ${runtime.version}`,
    target: `${target}, on ${[process.platform, process.arch, all.libc].filter((part) => part !== null).join(' ')}`,
    ...Object.fromEntries(
      Object.entries(features).map(([kind, names]) => [kind.replace('_', ' '), names.join(', ')] as const),
    ),
  };
  const width = Math.max(...Object.keys(lines).map(({ length }) => length)) + 2;
  const rows = Object.entries(lines).map(([name, text]) => `${name.padEnd(width)}${text}\n`);
  return `vaultonce ${version}\n${rows.join('')}`;
}

function runtimeHere(): Runtime {
  const { bun, node } = process.versions;
  return bun === undefined ? { name: 'node', version: node } : { name: 'bun', version: bun };
}

/** That of the runtime: a binary for musl runs where glibc is as well. */
function libcHere(target: string): 'glibc' | 'musl' | null {
  if (process.platform !== 'linux') return null;
  if (target !== 'node') return target.endsWith('-musl') ? 'musl' : 'glibc';
  // It would look up the names of this machine's addresses.
  const report = Object.assign(process.report, { excludeNetwork: true });
  const { header } = report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
}
