import type { Readable } from 'node:stream';
import { systemErrorCode } from '../../base/errors.ts';
import { openDescriptor, type Descriptor } from '../../host/descriptor.ts';
import { unwritable } from '../../host/streams.ts';
import { createRedactor } from './redact.ts';

const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;
const LONGEST_WAIT_MS = 32;

/**
 * Copies a stream of a command, as fast as the reader of ours reads: until then the command waits, as it would without us in between.
 * @param leaving aborted when nobody is to wait for the rest any more
 * @throws RunError `output`
 */
export async function copyRedacted(
  from: Readable,
  name: keyof typeof DESCRIPTORS,
  secrets: readonly string[],
  leaving: AbortSignal,
): Promise<void> {
  const to = openDescriptor(DESCRIPTORS[name]);
  const redactor = createRedactor(secrets);
  // Something that the command has left running may hold it open.
  leaving.addEventListener('abort', () => from.destroy());
  try {
    for await (const chunk of from) {
      await write(to, redactor.push(chunk as Buffer), leaving);
      // The command finds out by its own writes.
      if (to.isAbandoned() || leaving.aborted) break;
    }
    await write(to, redactor.end(), leaving);
  } catch (error) {
    const code = systemErrorCode(error);
    if (from.destroyed && code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    from.destroy();
    throw code === undefined ? error : unwritable(name, code);
  }
}

/** Waits for room without holding up signals, unlike `process.stdout`, whose writes to a pipe block. */
async function write(to: Descriptor, bytes: Uint8Array, leaving: AbortSignal): Promise<void> {
  let rest = to.write(bytes);
  for (let waitMs = 1; rest.length > 0 && !leaving.aborted; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    const before = rest.length;
    rest = to.write(rest);
    if (rest.length < before) waitMs = 1;
  }
}
