import type { Failure } from '../../base/errors.ts';
import type { Handler } from '../../config/config.ts';
import type { Io } from '../../host/io.ts';
import type { Scope } from '../../host/scope.ts';
import type { Child } from '../child.ts';
import type { News } from '../work.ts';

/** What handlers work with. */
export interface HandlerParts {
  /** Undefined: there is no command. */
  readonly child: Child | undefined;
  /** What the command is started with. */
  readonly envOf: () => Readonly<Record<string, string>>;
  /** What to black out in its output; undefined: it has the streams of this process. */
  readonly masksOf?: () => readonly string[] | undefined;
  /** The variables that this run may log in with: no handler needs them. */
  readonly credentials: readonly string[];
  readonly cwd: string;
}

export type HandlerOf<Kind extends Handler['kind']> = Extract<Handler, { kind: Kind }>;

/** What is known before the first request. */
export interface Surroundings extends Pick<Io, 'env' | 'cwd'> {
  readonly hasCommand: boolean;
  /** It will run somewhere else, with other programs. */
  readonly isElsewhere?: boolean;
}

/** A way to tell somebody of a change. */
export interface HandlerKind<Kind extends Handler['kind']> {
  /** For messages: `SIGHUP to nginx`. */
  describe(handler: HandlerOf<Kind>): string;
  /** What is wrong with it, whatever will change. */
  check(handler: HandlerOf<Kind>, around: Surroundings): readonly Failure[];
  /**
   * Resolves once the change has been told.
   * @throws RunError why it was not
   */
  tell(handler: HandlerOf<Kind>, news: News, parts: HandlerParts, scope: Scope): Promise<void> | void;
}

/** Of a handler that is about the command, where there is none. */
export function withoutCommand(where: string, what: string, hint: string): Failure {
  return { kind: 'config', message: `${what} needs a command, and there is none`, where, hint };
}
