import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { RunError, systemErrorCode } from '../base/errors.ts';
import { findCommand } from '../deliver/exec/find-program.ts';
import type { Io } from '../host/io.ts';
import { functionsOfC } from '../host/c-library.ts';

/** What takes messages of sd_notify(3). */
export interface NotifySocket {
  /** @throws RunError if the message was not sent */
  send(lines: readonly string[]): Promise<void>;
  /** CLOCK_MONOTONIC, in microseconds; undefined: this runtime does not tell. */
  nowUs(): bigint | undefined;
}

/**
 * Neither runtime has datagram sockets of its own for this: Bun calls the C library, Node starts `systemd-notify`, whose messages
 * are another process's (`NotifyAccess=all`).
 * @param address `$NOTIFY_SOCKET`
 */
export function openNotifySocket(address: string, { env, cwd }: Pick<Io, 'env' | 'cwd'>): NotifySocket {
  return openDirectly(address) ?? throughProgram(address, { env, cwd });
}

/** unix(7), socket(2), send(2), clock_gettime(2), on Linux. */
const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2_000_000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const CLOCK_MONOTONIC = 1;

function openDirectly(address: string): NotifySocket | undefined {
  // Others are those of virtual machines.
  if (!/^[/@]/.test(address)) return undefined;
  const c = functionsOfC({
    socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
    sendto: { args: ['i32', 'ptr', 'u64', 'i32', 'ptr', 'u32'], returns: 'i64_fast' },
    close: { args: ['i32'], returns: 'i32' },
    clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' },
  });
  if (c === undefined) return undefined;
  // A name without a path begins, and does not end, with a zero.
  const path = address.startsWith('@') ? `\0${address.slice(1)}` : `${address}\0`;
  const to = Buffer.from([AF_UNIX, 0, ...Buffer.from(path)]);
  return {
    send(lines) {
      const message = Buffer.from(lines.join('\n'));
      const socket = c.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
      const sent = c.sendto(socket, message, message.length, MSG_DONTWAIT_NOSIGNAL, to, to.length);
      c.close(socket);
      if (sent === message.length) return Promise.resolve();
      return Promise.reject(new RunError('unavailable', 'nothing takes messages at $NOTIFY_SOCKET'));
    },
    nowUs() {
      const time = Buffer.alloc(16);
      c.clock_gettime(CLOCK_MONOTONIC, time);
      return time.readBigInt64LE(0) * 1_000_000n + time.readBigInt64LE(8) / 1000n;
    },
  };
}

const PROGRAM = 'systemd-notify';

function throughProgram(address: string, { env, cwd }: Pick<Io, 'env' | 'cwd'>): NotifySocket {
  return {
    async send(lines) {
      const status = await statusOf([PROGRAM, ...lines], address, { env, cwd });
      if (status !== 0)
        throw new RunError('unavailable', `\`${PROGRAM}\` ended with status ${String(status)}`);
    },
    // Node's clock for this is that of the system.
    nowUs: () => (process.versions['bun'] === undefined ? process.hrtime.bigint() / 1000n : undefined),
  };
}

async function statusOf(
  command: readonly string[],
  address: string,
  around: Pick<Io, 'env' | 'cwd'>,
): Promise<number | null> {
  const hint = `install \`${PROGRAM}\`, or use the standalone binary, which does without`;
  try {
    const { file, args } = findCommand(command, around);
    const env = { PATH: around.env['PATH'], NOTIFY_SOCKET: address };
    const child = spawn(file, args.slice(1), { env, stdio: 'ignore' });
    const [status] = (await once(child, 'exit')) as [number | null];
    return status;
  } catch (error) {
    if (error instanceof RunError) throw new RunError(error.failures.map((one) => ({ ...one, hint })));
    const code = systemErrorCode(error) ?? 'unknown error';
    throw new RunError('not_executable', `\`${PROGRAM}\` cannot be run (${code})`, { hint });
  }
}
