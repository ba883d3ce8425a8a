import { Metadata, status as codes, type handleUnaryCall } from '@grpc/grpc-js';
import { mostImportantFirst, RunError } from '../../base/errors.ts';
import type { Scope } from '../../host/scope.ts';
import { asRunError } from '../../host/unexpected.ts';
import type { Mount, MountAnswer } from '../mount.ts';
import { callStatusOf, type CallStatus } from './grpc-status.ts';
import { mountRequestOf, podNameOf } from './mount-request.ts';
import type { MountStatistics } from './mount-statistics.ts';
import { MountResponse, type MountRequest as Message } from './proto/service.pb.ts';

/** kubelet's own limit, for a caller that names none. */
const DEFAULT_LIMIT_MS = 120_000;
/** Whatever the caller says. */
const LONGEST_LIMIT_MS = 3_600_000;
/** So much earlier than the caller's it ends, that the answer still says why: a tenth, and at most this. */
const MOST_RESERVE_MS = 2000;
const HINT = 'the driver waits no longer, and kubelet tries again';

export interface MountCalls {
  readonly mount: Mount;
  /** Of the process. */
  readonly scope: Scope;
  readonly largestAnswerBytes: number;
  readonly statistics: MountStatistics;
}

/** What is under way. */
export interface CallsUnderWay {
  /** A message as it is sent: its size is known before. */
  readonly handle: handleUnaryCall<Message, Uint8Array>;
  /** From now on nothing is begun. */
  stop(): void;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Ends what is under way. */
  cancel(): void;
}

export function createMountCalls(calls: MountCalls): CallsUnderWay {
  const underWay = new Map<Scope, Promise<void>>();
  let isStopping = false;
  return {
    handle(call, callback) {
      // Without metadata, so that the driver tries again: the next process serves its socket then.
      if (isStopping) {
        callback(STOPPING);
        return;
      }
      const limitMs = limitOf(call.getDeadline());
      const scope = calls.scope.child({ timeoutMs: limitMs, timeoutHint: HINT });
      // It also comes after a call that has ended well.
      call.on('cancelled', () => {
        scope.end(new RunError('terminated', 'the driver has given up this mount', { hint: HINT }));
      });
      const done = answered(call.request, calls, scope).then((result) => {
        if ('bytes' in result) callback(null, result.bytes);
        else if (result.wasStopped) callback(STOPPING);
        else {
          // The driver repeats what is unavailable, three times in a row, unless the answer has begun: our own tries are over.
          call.sendMetadata(new Metadata());
          callback(result.status);
        }
        underWay.delete(scope);
        scope[Symbol.dispose]();
      });
      underWay.set(scope, done);
    },
    stop() {
      isStopping = true;
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay.values());
    },
    cancel() {
      for (const scope of underWay.keys()) scope.end(STOPPED);
    },
  };
}

async function answered(message: Message, calls: MountCalls, scope: Scope): Promise<Result> {
  const { mount, statistics, largestAnswerBytes } = calls;
  const startMs = scope.now();
  const end = (outcome: string): void => {
    statistics.end(outcome, (scope.now() - startMs) / 1000);
  };
  statistics.begin();
  try {
    scope.throwIfEnded();
    const bytes = encoded(await mount(mountRequestOf(message), scope), largestAnswerBytes);
    end('ok');
    return { bytes };
  } catch (error) {
    const failed = asRunError(error);
    end(kindOf(failed));
    const { pod, className } = podNameOf(message);
    for (const failure of failed.failures)
      scope.log.write({ event: 'mount_failed', pod, class: className, ...failure });
    const status = callStatusOf(failed, error instanceof TooLarge ? codes.RESOURCE_EXHAUSTED : undefined);
    return { status, wasStopped: scope.signal.aborted && scope.signal.reason === STOPPED };
  }
}

type Result =
  | { readonly bytes: Uint8Array }
  /** Not by its own fault, if it was stopped. */
  | { readonly status: CallStatus; readonly wasStopped: boolean };

const STOPPED = new RunError('terminated', 'this provider is being stopped');
const STOPPING = callStatusOf(STOPPED);

/** More than the driver takes. */
class TooLarge extends RunError {}

function encoded({ files, versions }: MountAnswer, largestBytes: number): Uint8Array {
  const bytes = MountResponse.encode({
    objectVersion: versions,
    error: undefined,
    files: files.map(({ path, mode, contents }) => ({ path, mode, contents: contents.reveal() })),
  }).finish();
  if (bytes.length <= largestBytes) return bytes;
  throw new TooLarge(
    'policy',
    `the volume takes ${String(bytes.length)} bytes, and the driver accepts ${String(largestBytes)}`,
    {
      hint: 'mount fewer or smaller files, or raise --max-call-recv-msg-size, of the driver and of the provider',
    },
  );
}

function kindOf(error: RunError): string {
  return mostImportantFirst(error)[0]?.kind ?? 'internal';
}

function limitOf(deadline: Date | number): number {
  const leftMs = Math.min(Number(deadline) - Date.now(), LONGEST_LIMIT_MS);
  if (deadline === Infinity) return DEFAULT_LIMIT_MS;
  return Math.max(0, Math.round(leftMs - Math.min(MOST_RESERVE_MS, leftMs / 10)));
}
