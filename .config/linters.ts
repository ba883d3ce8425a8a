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
  ['github-actions', '{.github,examples}/**/action.yml'],
  ['gitlab-ci', 'examples/**/gitlab-ci.yml'],
  ['circle-ci', 'examples/**/circleci/config.yml'],
  ['azure-pipelines', 'examples/**/azure-pipelines.yml'],
  ['compose-spec', 'examples/**/compose.yaml'],
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
  const options = ['--regex-variant', 'nonunicode'];
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
  // Others have no kind, or are patches, which lack what an object must have.
  const manifests = found('examples/**/*.yaml').filter(
    (file) => !file.includes('/kustomize/') && /^apiVersion:/m.test(readFileSync(join(root, file), 'utf8')),
  );
  await text(
    join(bin, 'kubernetes-validate'),
    '--quiet',
    '--no-warn',
    '--strict',
    '-k',
    KUBERNETES,
    ...manifests,
  );
}

async function byCycloneDx(bin: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'vaultonce-bills-'));
  try {
    const schema = schemaOfBills(bin, work);
    // With all parts that any may have.
    const parts = [...bundledParts(dist), ...TARGETS.map(runtimePart), nodePart()];
    const subject = {
      type: 'application',
      name: 'vaultonce',
      hashes: { 'SHA-256': hash('sha256', '') },
    } as const;
    const bill = join(work, 'bill.json');
    writeFileSync(bill, billOf(subject, parts, 0));
    await text(join(bin, 'check-jsonschema'), '--schemafile', schema, bill);
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
