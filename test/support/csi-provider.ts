import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { callRaw, framed } from './csi-raw.ts';
import type { CsiWorld } from './csi-world.ts';
import { tellingLine } from './setup-fault.ts';
import { findOnPath } from './wheel.ts';

const VERSION = '/v1alpha1.CSIDriverProvider/Version';
const READY_WITHIN_MS = 20_000;

export interface ProviderStart {
  /** What the driver knows it by; its socket follows from that. */
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** With a service account where a container has it; needs `needsMountNamespace`. Otherwise it finds no cluster. */
  readonly inCluster?: boolean;
}

export interface RunningProvider {
  readonly pid: number;
  /** Until it answered. */
  readonly startMs: number;
  log(): string;
  /** What it holds in memory, in MiB: resident, and the part that no other process shares. */
  memory(): { readonly residentMib: number; readonly privateMib: number };
  /** @returns its exit code, or 128 + the signal */
  stop(signal?: NodeJS.Signals): Promise<number>;
}

/** Starts a provider in a container's environment, and waits until it answers the driver. It ends with this process. */
export async function startProvider(
  { socketOf, api, server, serviceAccount }: CsiWorld,
  { name, command: own, env: others = {}, inCluster = false }: ProviderStart,
): Promise<RunningProvider> {
  const env = { VAULT_ADDR: server.address, ...(inCluster && api.env), ...others };
  const [program = '', ...args] = await boundToThisProcess(
    inCluster ? withServiceAccount(serviceAccount, own) : own,
  );
  const socket = socketOf(name);
  // Another provider may answer there until this one does.
  const before = versionOf(socket);
  const began = performance.now();
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text));
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  let ended: number | undefined;
  const exited = new Promise<number>((resolve) => {
    child.once('error', ({ message }) => (log += message));
    child.once('close', (code, signal) => {
      process.off('exit', kill);
      ended = code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
      resolve(ended);
    });
  });
  // Not by the driver, which waits for a second after a connection that was refused.
  const answers = async (): Promise<boolean> =>
    callRaw(socket, { path: VERSION, body: framed(Buffer.alloc(0)) }).then(
      ({ grpcStatus }) => grpcStatus === 0,
      () => false,
    );
  while (versionOf(socket) === before || !(await answers())) {
    if (ended !== undefined || performance.now() > began + READY_WITHIN_MS) {
      child.kill('SIGKILL');
      throw new Error(`${name} does not answer on its socket: ${tellingLine(log)}`);
    }
    await delay(2);
  }
  const startMs = performance.now() - began;
  return {
    pid: child.pid ?? 0,
    startMs,
    log: () => log,
    memory() {
      const rollup = readFileSync(`/proc/${String(child.pid)}/smaps_rollup`, 'utf8');
      const mib = (...fields: string[]): number =>
        fields.reduce(
          (sum, field) => sum + Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(rollup)?.[1]),
          0,
        ) / 1024;
      return { residentMib: mib('Rss'), privateMib: mib('Private_Clean', 'Private_Dirty') };
    },
    async stop(signal = 'SIGTERM') {
      if (ended === undefined) child.kill(signal);
      return exited;
    },
  };
}

/** The kernel ends it with this process, which a signal ends without its `exit` event. */
async function boundToThisProcess(command: readonly string[]): Promise<readonly string[]> {
  const setpriv = await findOnPath('setpriv');
  return setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', ...command];
}

/** Which file it is, if there is one. */
function versionOf(path: string): string | undefined {
  const about = statSync(path, { bigint: true, throwIfNoEntry: false });
  return about && `${String(about.ino)} ${String(about.ctimeNs)}`;
}

/** Seen by the command alone. @param account the directory with the token, the namespace and the CA */
function withServiceAccount(account: string, command: readonly string[]): string[] {
  const place = '/var/run/secrets/kubernetes.io/serviceaccount';
  const script = `mount -t tmpfs none /var/run && mkdir -p ${place} && mount --bind "$1" ${place} && shift && exec "$@"`;
  return ['unshare', '-m', 'sh', '-ec', script, 'sh', account, ...command];
}
