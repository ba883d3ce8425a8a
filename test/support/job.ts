import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestApp } from './app.ts';
import { starter } from './cli.ts';
import { PUBLIC_PEM, signJwt, soon } from './jwt.ts';
import type { Workspace } from './workspace.ts';

const root = join(import.meta.dirname, '../..');

export type Env = Readonly<Record<string, string>>;

export interface StepResult {
  readonly code: number | null;
  /** stdout and stderr, in the order in which they were written. */
  readonly log: string;
}

/** A working copy with an example in it, on a machine that has this program on its PATH. */
export interface Job {
  readonly workspace: Workspace;
  /** The working copy. */
  readonly directory: string;
  /** What every step has, whatever the system. */
  readonly env: Env;
  run(command: readonly [string, ...string[]], env: Env): Promise<StepResult>;
  /** Puts a program onto the PATH. */
  install(name: string, script: string): void;
}

/**
 * @param example its directory below `examples/`
 * @param to where it belongs in a repository
 */
export function createJob(workspace: Workspace, example: string, to: string): Job {
  workspace.clear();
  const directory = workspace.path('repository');
  const source = join(root, 'examples', example);
  for (const name of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    const file = join(source, name);
    const status = statSync(file);
    if (status.isFile())
      workspace.write(join('repository', to, name), readFileSync(file), status.mode & 0o777);
  }
  const install: Job['install'] = (name, script) => {
    workspace.write(`bin/${name}`, script, 0o755);
  };
  starter(workspace);
  const path = [workspace.path('bin'), dirname(process.execPath), process.env['PATH'] ?? ''];
  return {
    workspace,
    directory,
    env: { PATH: path.join(':'), HOME: workspace.root },
    install,
    run: (command, env) => runCommand(command, directory, env, workspace.path('log')),
  };
}

async function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  cwd: string,
  env: Env,
  logFile: string,
): Promise<StepResult> {
  const log = openSync(logFile, 'w');
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', log, log], timeout: 30_000 });
  closeSync(log);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, log: readFileSync(logFile, 'utf8') };
}

/** Lets jobs log in to the role `ci` with what `jobToken` gives. */
export async function trustJobs({ server: { api } }: TestApp): Promise<void> {
  await api.post('sys/auth/jwt', { type: 'jwt' });
  await api.post('auth/jwt/config', { jwt_validation_pubkeys: [PUBLIC_PEM] });
  await api.post('auth/jwt/role/ci', {
    role_type: 'jwt',
    user_claim: 'sub',
    bound_audiences: ['vault'],
    token_policies: ['app'],
  });
}

/** The identity token of a job. */
export function jobToken(audience = 'vault'): string {
  return signJwt({
    iss: 'https://ci.example.com',
    aud: audience,
    sub: 'repo:shop',
    exp: soon(),
    iat: soon() - 700,
  });
}
