import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ownPackage } from './npm-packages.ts';
import { dist, root } from './paths.ts';
import { billOf, bundledParts, debianParts, nodePart, runtimePart, type Part } from './sbom.ts';
import { standaloneBinary } from './targets.ts';

/**
 * Pushes an image of both processors, signed and with bills of materials, but without a tag, so that nobody finds it yet:
 * `release-image.ts standalone|node --image NAME --out DIRECTORY`. It is built twice, and must have the same digest. The directory
 * gets the bills, and the digest for `release-image.ts tag --image NAME --out DIRECTORY`, which tags what was pushed. `$GITHUB_OUTPUT`
 * gets the digest, too.
 */

const PLATFORMS = ['amd64', 'arm64'] as const;
/** What follows the version in its tag. */
const SUFFIXES: Readonly<Record<string, string>> = { standalone: '', node: '-node' };
const USAGE = 'usage: release-image.ts standalone|node|tag --image NAME --out DIRECTORY';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { image: { type: 'string' }, out: { type: 'string' } },
});
const { version } = ownPackage();

function text(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
}

/** The base by its digest: what its tag names may change while this runs. */
function pinnedBase(): string {
  const tag = /^ARG BASE=(\S+)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))?.[1] ?? '';
  return `${tag}@${text('docker', 'buildx', 'imagetools', 'inspect', tag, '--format', '{{.Manifest.Digest}}')}`;
}

/** @returns the digest of what was built */
function build(
  common: readonly string[],
  output: string,
  metadata: string,
  ...more: readonly string[]
): string {
  run('docker', 'buildx', 'build', ...common, '--output', output, '--metadata-file', metadata, ...more, '.');
  const written = JSON.parse(readFileSync(metadata, 'utf8')) as Readonly<Record<string, string>>;
  return written['containerimage.digest'] ?? '';
}

function partsOf(kind: string, arch: string, base: string): Part[] {
  const own =
    kind === 'node'
      ? [...bundledParts(dist), nodePart()]
      : [
          ...bundledParts(dirname(standaloneBinary())),
          runtimePart(`linux-${arch === 'amd64' ? 'x64' : arch}`),
        ];
  return [...own, ...debianParts(base, arch)];
}

function push(kind: string, image: string, out: string): void {
  const [revision = '', seconds = ''] = text('git', 'show', '--no-patch', '--format=%H %ct', 'HEAD').split(
    ' ',
  );
  const base = pinnedBase();
  const given = [`BASE=${base}`, `REVISION=${revision}`, `SOURCE_DATE_EPOCH=${seconds}`];
  const common = [
    ...['--target', kind, '--platform', PLATFORMS.map((arch) => `linux/${arch}`).join(',')],
    ...given.flatMap((arg) => ['--build-arg', arg]),
    // Attested by the workflow: these would be other ones each time.
    ...['--provenance=false', '--sbom=false'],
  ];
  const work = mkdtempSync(join(tmpdir(), 'vaultonce-image-'));
  mkdirSync(out, { recursive: true });
  try {
    const metadata = join(work, 'metadata.json');
    const archive = `type=oci,dest=${join(work, 'image.tar')},rewrite-timestamp=true`;
    const first = build(common, archive, metadata);
    const pushed = `type=image,name=${image},push-by-digest=true,push=true,oci-mediatypes=true,rewrite-timestamp=true`;
    const digest = build(common, pushed, metadata, '--no-cache');
    if (first !== digest) throw new Error(`two builds of the image differ: ${first}, ${digest}`);
    run('cosign', 'sign', '--yes', '--recursive', `${image}@${digest}`);
    for (const arch of PLATFORMS) {
      const rootOfBase = join(work, arch);
      const exported = [
        '--target',
        'base',
        '--platform',
        `linux/${arch}`,
        '--output',
        `type=local,dest=${rootOfBase}`,
      ];
      run('docker', 'buildx', 'build', '--build-arg', `BASE=${base}`, ...exported, '.');
      const bill = join(out, `vaultonce-image-${kind}-linux-${arch}.cdx.json`);
      const purl = `pkg:oci/vaultonce@${encodeURIComponent(digest)}?arch=${arch}&repository_url=${image}`;
      const subject = { type: 'container', name: `vaultonce-${kind}`, purl } as const;
      writeFileSync(bill, billOf(subject, partsOf(kind, arch, rootOfBase), Number(seconds)));
      run('cosign', 'attest', '--yes', '--type', 'cyclonedx', '--predicate', bill, `${image}@${digest}`);
    }
    writeFileSync(join(out, `image-${kind}.digest`), `${digest}\n`);
    const { GITHUB_OUTPUT: outputs } = process.env;
    if (outputs !== undefined) appendFileSync(outputs, `digest=${digest}\n`);
    console.log(`${image}@${digest}`);
  } finally {
    rmSync(work, { recursive: true });
  }
}

function tag(image: string, out: string): void {
  for (const [kind, suffix] of Object.entries(SUFFIXES)) {
    const digest = readFileSync(join(out, `image-${kind}.digest`), 'utf8').trim();
    const name = `${image}:${version}${suffix}`;
    run('docker', 'buildx', 'imagetools', 'create', '--tag', name, `${image}@${digest}`);
    console.log(`${name} is ${digest}`);
  }
}

const [what = ''] = positionals;
const { image, out } = values;
if (image === undefined || out === undefined || (what !== 'tag' && !(what in SUFFIXES))) {
  console.error(USAGE);
  process.exit(2);
}
if (what === 'tag') tag(image, out);
else push(what, image, out);
