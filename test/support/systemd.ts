import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { installed } from './format-readers.ts';
import { needsOwnProcesses, type Needs } from './needs.ts';
import type { Workspace } from './workspace.ts';

const run = promisify(execFile);

const MANAGER = '/lib/systemd/systemd';
const RUNTIME_DIRECTORY = '/run/user';
const PATIENCE_MS = 30_000;

/** systemd itself, as the manager of a user, in namespaces of its own. */
export interface Systemd {
  /** Where its services have their runtime directories. */
  readonly runtimeDirectory: string;
  /** @returns exit code and output */
  readonly systemctl: (
    ...args: readonly string[]
  ) => Promise<{ readonly code: number; readonly text: string }>;
  /** Resolves once a unit is in this state. */
  until(unit: string, state: string): Promise<void>;
  stop(): void;
}

/** For what only systemd can say. */
export function needsSystemd(): Needs {
  const { skip } = needsOwnProcesses();
  if (skip !== false) return { skip };
  const isThere = existsSync(MANAGER) && installed('systemctl', 'nsenter').length === 2;
  return { skip: !isThere && 'needs root and an installed systemd' };
}

/** @param units by their names */
export async function startSystemd(
  workspace: Workspace,
  units: Readonly<Record<string, string>>,
): Promise<Systemd> {
  for (const [name, text] of Object.entries(units))
    workspace.write(`systemd-home/.config/systemd/user/${name}`, text);
  // As PID 1 it would be the manager of a machine.
  const script = `
    mount -t tmpfs none /run && mkdir -p /run/systemd/system ${RUNTIME_DIRECTORY} && chmod 700 ${RUNTIME_DIRECTORY}
    ${MANAGER} --user --unit=basic.target & wait`;
  const env = {
    PATH: process.env['PATH'],
    HOME: workspace.path('systemd-home'),
    XDG_RUNTIME_DIR: RUNTIME_DIRECTORY,
    SYSTEMD_LOG_TARGET: 'null',
  };
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--ipc'];
  const outer = spawn('unshare', [...namespaces, 'sh', '-c', script], { env, stdio: 'ignore' });
  const inner = await childOf(outer.pid ?? 0);
  const systemctl: Systemd['systemctl'] = async (...args) => {
    const command = ['-t', String(inner), '-m', '-p', 'systemctl', '--user', ...args];
    try {
      const { stdout, stderr } = await run('nsenter', command, { env });
      return { code: 0, text: stdout + stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, text: stdout + stderr };
    }
  };
  const until: Systemd['until'] = async (unit, state) => {
    let found = '';
    for (const endMs = Date.now() + PATIENCE_MS; Date.now() < endMs;) {
      await delay(50);
      found = (await systemctl('is-active', unit)).text.trim();
      if (found === state) return;
    }
    const { text } = await systemctl('status', unit);
    throw new Error(`${unit} is ${found}, not ${state}: ${text}`);
  };
  const stop = (): void => {
    outer.kill('SIGKILL');
  };
  process.once('exit', stop);
  await until('basic.target', 'active');
  return { runtimeDirectory: RUNTIME_DIRECTORY, systemctl, until, stop };
}

async function childOf(pid: number): Promise<number> {
  for (const endMs = Date.now() + PATIENCE_MS; Date.now() < endMs;) {
    await delay(10);
    const [child = ''] = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').split(' ');
    if (child !== '') return Number(child);
  }
  throw new Error('no namespace was made');
}
