import { status } from '@grpc/grpc-js';
import { mostImportantFirst, type Failure, type FailureKind, type RunError } from '../../base/errors.ts';
import { harmlessLine } from '../../base/harmless.ts';
import { shortened } from '../../host/failure-summary.ts';

/** What a call ends with when it fails. */
export interface CallStatus {
  readonly code: status;
  readonly details: string;
}

/** https://grpc.io/docs/guides/status-codes/ */
const CODES: Readonly<Record<FailureKind, status>> = {
  internal: status.INTERNAL,
  usage: status.INVALID_ARGUMENT,
  config: status.INVALID_ARGUMENT,
  auth: status.UNAUTHENTICATED,
  denied: status.PERMISSION_DENIED,
  not_found: status.NOT_FOUND,
  template: status.INVALID_ARGUMENT,
  output: status.FAILED_PRECONDITION,
  unavailable: status.UNAVAILABLE,
  policy: status.FAILED_PRECONDITION,
  deadline: status.DEADLINE_EXCEEDED,
  not_executable: status.INTERNAL,
  no_command: status.INTERNAL,
  hung_up: status.UNAVAILABLE,
  interrupted: status.UNAVAILABLE,
  quit: status.UNAVAILABLE,
  terminated: status.UNAVAILABLE,
};

/** Of the whole, in bytes. An event of Kubernetes shows the first 1024 with what kubelet and the driver put before it. */
const MOST_BYTES = 3000;
/** Of one failure, in characters. */
const LONGEST = 700;

/**
 * How a failure reads in the events of a pod: one line, the most important first, hints that were given once not again. Pure.
 * Nothing in it could be taken for a command or the end of a line.
 */
export function callStatusOf(error: RunError, code?: status): CallStatus {
  const failures = mostImportantFirst(error);
  const said: string[] = [];
  const hints = new Set<string>();
  let room = MOST_BYTES;
  for (const failure of failures) {
    const text = harmlessLine(shortened(textOf(failure, hints), LONGEST)).toWellFormed();
    room -= Buffer.byteLength(text) + 2;
    if (room < 0) break;
    said.push(text);
  }
  const more = failures.length - said.length;
  return {
    code: code ?? CODES[failures[0]?.kind ?? 'internal'],
    details: [...said, ...(more > 0 ? [`and ${String(more)} more`] : [])].join('; '),
  };
}

function textOf(failure: Failure, hints: Set<string>): string {
  const {
    where,
    message,
    details = [],
    hint,
  } = failure.kind === 'internal' ? withoutStack(failure) : failure;
  const place = where === undefined ? '' : `${where}: `;
  const more = details.length === 0 ? '' : `: ${details.join(', ')}`;
  const isNew = hint !== undefined && !hints.has(hint);
  if (isNew) hints.add(hint);
  return `${place}${message}${more}${isNew ? ` (${hint})` : ''}`;
}

/** The lines of a stack help nobody who looks at a pod. */
function withoutStack({ kind, message }: Failure): Failure {
  return { kind, message, hint: 'the log of the provider says where' };
}
