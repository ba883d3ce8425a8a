/**
 * Exit codes by kind of failure. They follow semantic versioning: a number never changes its meaning.
 * 124 is the convention of `timeout(1)`; those of signals are 128 + the number of the signal.
 */
export const EXIT_CODES = {
  internal: 1,
  usage: 2,
  config: 3,
  auth: 4,
  denied: 5,
  not_found: 6,
  template: 7,
  output: 8,
  unavailable: 9,
  policy: 10,
  deadline: 124,
  /** `exec`: the command cannot be run, or does not exist; the codes of shells. */
  not_executable: 126,
  no_command: 127,
  hung_up: 129,
  interrupted: 130,
  quit: 131,
  terminated: 143,
} as const;

export type FailureKind = keyof typeof EXIT_CODES;

/** What ends a run by a signal, which is no fault. */
export const STOPS = {
  SIGHUP: 'hung_up',
  SIGINT: 'interrupted',
  SIGQUIT: 'quit',
  SIGTERM: 'terminated',
} as const satisfies Readonly<Record<string, FailureKind>>;

export type StopSignal = keyof typeof STOPS;

export function isStop(kind: FailureKind): boolean {
  return Object.values<FailureKind>(STOPS).includes(kind);
}

/** One thing that went wrong. No field ever holds a secret value. */
export interface Failure {
  readonly kind: FailureKind;
  /** What happened, in one line. */
  readonly message: string;
  /** Where: `vaultonce.yaml:12`, `secrets.db`, `app.env.mustache:3`. */
  readonly where?: string | undefined;
  /** Further lines: known keys, the server's own errors, claims of a refused token. */
  readonly details?: readonly string[] | undefined;
  /** What to do next. */
  readonly hint?: string | undefined;
}

export type FailureContext = Omit<Failure, 'kind' | 'message'>;

/**
 * The one error class of this program. It carries every failure of a stage, so that all are reported at once.
 * Foreign errors are never attached as `cause`: an axios error carries the token and the posted secret_id.
 */
export class RunError extends Error {
  /** `watch` is in a bundle of its own, with a copy of this class. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === RunError
      ? value instanceof Error && Object.hasOwn(value, 'failures')
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  override readonly name = 'RunError';
  readonly failures: readonly Failure[];
  readonly exitCode: number;

  constructor(kind: FailureKind, message: string, context?: FailureContext);
  constructor(failures: readonly Failure[], exitCode?: number);
  constructor(
    kindOrFailures: FailureKind | readonly Failure[],
    messageOrCode?: string | number,
    context: FailureContext = {},
  ) {
    const failures: readonly Failure[] =
      typeof kindOrFailures === 'string'
        ? [{ kind: kindOrFailures, message: String(messageOrCode), ...context }]
        : kindOrFailures;
    super(failures.map((failure) => failure.message).join('; '));
    this.failures = failures;
    this.exitCode = typeof messageOrCode === 'number' ? messageOrCode : lowestExitCode(failures);
  }

  /** The failures of this stage and of a later one. The earlier stage decides the exit code. */
  followedBy(later: RunError): RunError {
    return new RunError([...this.failures, ...later.failures], this.exitCode);
  }
}

function lowestExitCode(failures: readonly Failure[]): number {
  return failures.reduce<number>((lowest, { kind }) => Math.min(lowest, EXIT_CODES[kind]), Infinity);
}

/** Nobody reads more, and each costs a search for its line and for the name that was meant. */
const MOST_FAILURES = 100;

/** The failures of the first mistakes of many, the last of which says how many more there are. */
export function firstOf<T>(mistakes: readonly T[], failureOf: (mistake: T) => Failure): readonly Failure[] {
  const first = mistakes.slice(0, MOST_FAILURES).map(failureOf);
  const more = mistakes.length - first.length;
  const kind = first[0]?.kind;
  if (more === 0 || kind === undefined) return first;
  const hint = 'correct these first: they often have one cause';
  return [...first, { kind, message: `and ${String(more)} more`, hint }];
}

/** Those first that decide the exit code. */
export function mostImportantFirst({ failures, exitCode }: RunError): readonly Failure[] {
  const decides = ({ kind }: Failure): boolean => EXIT_CODES[kind] === exitCode;
  return [...failures.filter(decides), ...failures.filter((one) => !decides(one))];
}

/** Throws one error with all failures, if there are any. */
export function throwIfAny(failures: readonly Failure[]): void {
  if (failures.length > 0) throw new RunError(failures);
}

/**
 * Failures in the order in which the places that they begin with are declared; others come last.
 * @param places what `where` of a failure is, or begins with, followed by a comma
 */
export function inDeclaredOrder(failures: readonly Failure[], places: readonly string[]): Failure[] {
  const positions = new Map(places.map((place, index) => [place, index]));
  const positionOf = ({ where = '' }: Failure): number => {
    for (let end = where.length; end > 0; end = where.lastIndexOf(', ', end - 1)) {
      const position = positions.get(where.slice(0, end));
      if (position !== undefined) return position;
    }
    return Infinity;
  };
  return failures
    .map((failure) => ({ failure, position: positionOf(failure) }))
    .sort((a, b) => (a.position === b.position ? 0 : a.position - b.position))
    .map(({ failure }) => failure);
}

/**
 * Waits for all of them, and reports all failures at once.
 * @throws RunError with the failures of all; any other error unchanged
 */
export async function allOrFailures<T>(works: readonly Promise<T>[]): Promise<T[]> {
  const failures: Failure[] = [];
  const values: T[] = [];
  for (const result of await Promise.allSettled(works)) {
    if (result.status === 'fulfilled') values.push(result.value);
    else if (result.reason instanceof RunError) failures.push(...result.reason.failures);
    else throw result.reason;
  }
  throwIfAny(failures);
  return values;
}

/** The code of a Node system error (`ENOENT`), or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
