import { accessSync } from 'node:fs';
import { join } from 'node:path';
import { standaloneBinary } from '../../.config/targets.ts';
import { findOnPath, findServerBinary } from '../support/binary.ts';
import type { Job, Tool } from './job.ts';
import { agent, PEERS } from './peers.ts';

export const ON_NODE = 'vaultonce on Node';
export const STANDALONE = 'vaultonce standalone';
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
    ours(ON_NODE, [process.execPath, join(import.meta.dirname, '../../bin/vaultonce.mjs')], job),
    ours(STANDALONE, [builtBinary()], job),
    ours(WITH_TOKEN, [builtBinary()], job, `auth: { method: token, token: '${job.token}' }`),
    agent('bao agent', await findServerBinary(), job),
    ...peers.flat(),
  ];
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

function onlyTheCalls({ address, caFile, workspace, roleId, secretId, paths }: Job): Tool {
  const output = workspace.path('only-the-calls');
  const job = workspace.write(
    'job.json',
    JSON.stringify({ address, caFile, roleId, secretId, output, paths }),
  );
  const script = join(import.meta.dirname, 'only-the-calls.mjs');
  return { name: 'only the calls on Node', command: [process.execPath, script, job], env: {}, output };
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
