import { spawn, type ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { findOnPath } from './binary.ts';
import { tellingLine } from './setup-fault.ts';

const KEPT_OUTPUT = 8192;

/** A server that runs, or has ended. */
export interface ServerProcess {
  readonly pid: number;
  /** How it ended, and why by its own word; undefined while it runs. */
  ended(): string | undefined;
  /** What it said last. */
  lastWord(): string;
  /** Whether somebody else has its port. */
  portTaken(): boolean;
  /** Ends it, and removes its directory. */
  kill(): void;
  stop(): Promise<void>;
}

/** Starts a server that ends with this process. @param directory its home, which goes with it */
export async function startProcess(
  binary: string,
  args: readonly string[],
  directory: string,
): Promise<ServerProcess> {
  // A signal ends a test process without its `exit` event: the kernel ends the server then.
  const setpriv = await findOnPath('setpriv');
  const [program, prefix] = setpriv === undefined ? [binary, []] : [setpriv, ['--pdeathsig', 'KILL', binary]];
  const child = spawn(program, [...prefix, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { HOME: directory, PATH: process.env['PATH'] },
  });
  let output = '';
  let ending: string | undefined;
  const keep = (text: string): void => {
    output = (output + text).slice(-KEPT_OUTPUT);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  child.once('error', ({ message }) => (ending = `could not be started (${message})`));
  // Not `exit`: what it said last may still be on its way.
  child.once('close', (code, signal) => {
    ending ??= `ended with ${signal ?? `exit code ${String(code)}`}: ${tellingLine(output)}`;
  });
  const kill = (): void => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', kill);
  return {
    pid: child.pid ?? 0,
    ended: () => ending,
    lastWord: () => tellingLine(output),
    portTaken: () => output.includes('address already in use'),
    kill,
    async stop() {
      process.off('exit', kill);
      const exited = hasExited(child) ? undefined : new Promise((resolve) => child.once('exit', resolve));
      kill();
      await exited;
    },
  };
}

function hasExited({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}
