import { execFileSync } from 'node:child_process';
import { accessSync } from 'node:fs';
import { join } from 'node:path';
import { standaloneBinary } from '../../.config/targets.ts';
import { findOnPath, findServer } from '../support/binary.ts';
import type { Job, Tool } from './job.ts';
import { agent, PEERS } from './peers.ts';

export const ON_NODE = 'vaultonce on Node';
export const STANDALONE = 'vaultonce standalone';
/** What all others are compared with. */
export const IN_GO = 'only the calls in Go';
/** What `consul-template` and others start from, which do not log in. */
const WITH_TOKEN = 'standalone, given a token';

/** The tools that are there, ready for this job: floors, ours, the agent, and what is on PATH. */
export async function prepareTools(job: Job): Promise<Tool[]> {
  const peers = await Promise.all(
    Object.entries(PEERS).map(async ([name, prepare]) => {
      const binary = await findOnPath(name);
      return binary === undefined ? [] : [prepare(binary, job)];
    }),
  );
  return [
    emptyScript(job),
    onlyTheCalls(job),
    ...(await onlyTheCallsInGo(job)),
    onNode(job),
    standalone(job),
    ours(WITH_TOKEN, [builtBinary()], job, `auth: { method: token, token: '${job.token}' }`),
    agent('bao agent', (await findServer()).path, job),
    ...peers.flat(),
  ];
}

export function onNode(job: Job): Tool {
  return ours(ON_NODE, onNodeCommand(), job);
}

export function standalone(job: Job): Tool {
  return ours(STANDALONE, standaloneCommand(), job);
}

export function onNodeCommand(): string[] {
  return [process.execPath, join(import.meta.dirname, '../../bin/vaultonce.mjs')];
}

export function standaloneCommand(): string[] {
  return [builtBinary()];
}

function builtBinary(): string {
  const given = process.env['VAULTONCE_BIN'] ?? '';
  const binary = given === '' ? standaloneBinary() : given;
  accessSync(binary);
  return binary;
}

function emptyScript({ workspace }: Job): Tool {
  return {
    name: 'empty script on Node',
    command: [process.execPath, workspace.write('empty.mjs', '')],
    env: {},
    output: undefined,
  };
}

function onlyTheCalls(job: Job): Tool {
  const name = 'only the calls on Node';
  const script = join(import.meta.dirname, 'only-the-calls.mjs');
  return withJobFile(name, [process.execPath, script], job);
}

/** Where there is a compiler. */
async function onlyTheCallsInGo(job: Job): Promise<Tool[]> {
  const go = await findOnPath('go');
  if (go === undefined) return [];
  const program = job.workspace.path('only-the-calls-in-go');
  const source = join(import.meta.dirname, 'only-the-calls.go');
  execFileSync(go, ['build', '-ldflags', '-s -w', '-o', program, source], { stdio: 'inherit' });
  return [
    withJobFile(IN_GO, [program], job),
    withJobFile('the same, given a token', [program], job, { token: job.token }),
  ];
}

function withJobFile(
  name: string,
  start: readonly string[],
  { address, caFile, workspace, roleId, secretId, paths }: Job,
  given: { readonly token?: string } = {},
): Tool {
  const output = workspace.path(name);
  const job = { address, caFile, roleId, secretId, output, paths, ...given };
  const file = workspace.write(`${name}.json`, JSON.stringify(job));
  return { name, command: [...start, file], env: {}, output };
}

function ours(name: string, start: readonly string[], job: Job, auth = approleOf(job)): Tool {
  const { address, caFile, workspace, paths } = job;
  const output = workspace.path(name);
  const config = [
    `vault: { address: '${address}'${caFile === '' ? '' : `, tls: { ca_cert: '${caFile}' }`} }`,
    auth,
    'secrets:',
    ...paths.map((path, index) => `  s${String(index)}: secret/${path}`),
    'outputs:',
    ...paths.map(
      (_, index) => `  - { path: '${String(index)}', contents: 'password={{s${String(index)}.password}}' }`,
    ),
    `output: { directory: '${output}' }`,
  ];
  const file = workspace.write(`${name}.yaml`, config.join('\n'));
  return { name, command: [...start, 'render', '--quiet', '-c', file], env: {}, output };
}

function approleOf({ roleId, secretId }: Job): string {
  return `auth: { method: approle, role_id: '${roleId}', secret_id: '${secretId}' }`;
}
