import type { Login } from '../auth/method.ts';
import { RunError, type Failure } from '../base/errors.ts';
import { revealedJson } from '../base/revealed-json.ts';
import { hashOf } from '../reuse/known-outputs.ts';
import type { PreparedLogin } from '../session/prepare.ts';
import type { LifeClock } from './life-clock.ts';

/** What is known of credentials that were used before: what cannot work again is not tried. */
export interface UsedCredentials {
  /**
   * @param open logs in with them
   * @throws RunError `auth` without a request if they cannot log in, or not yet; whatever `open` throws
   */
  use<T>(login: PreparedLogin, open: () => Promise<T>): Promise<T>;
  /** Those that were refused may be tried again. */
  forgive(): void;
}

/**
 * How long credentials are left alone that the server has refused, in seconds: five refusals lock a role or a user, for all who use
 * it, unless there are 15 minutes between them (https://openbao.org/docs/concepts/user-lockout/).
 */
const REST_S = 16 * 60;

interface Refused {
  readonly mark: string;
  readonly error: RunError;
  readonly untilS: number;
}

export function createUsedCredentials({ now }: Pick<LifeClock, 'now'>): UsedCredentials {
  let accepted: string | undefined;
  let refused: Refused | undefined;
  return {
    async use({ first, method, path }, open) {
      const mark = markOf(first);
      if (mark === accepted) throwIfOnlyOnce(first, path);
      if (mark === refused?.mark && now() < refused.untilS) throw refused.error;
      try {
        const opened = await open();
        accepted = mark;
        return opened;
      } catch (error) {
        if (method.locksOut === true && error instanceof RunError && isRefusal(error))
          refused = { mark, error, untilS: now() + REST_S };
        throw error;
      }
    },
    forgive() {
      refused = undefined;
    },
  };
}

/** @returns the failure of a given token that is all there is @param source where it came from, for messages */
export function endOfGiven(source: string): Failure {
  return {
    kind: 'auth',
    message: `the token of ${source} comes to its end, and there is no other`,
    where: source,
    hint: 'give it a token that can be renewed, replace the one in its `token_file` in time, or declare a login that can be repeated',
  };
}

/** A one-shot run is not repeated; who stays tries the same credentials again. */
export function triedLater({ failures, exitCode }: RunError): RunError {
  const minutes = String(REST_S / 60);
  const again = failures.map((failure) => ({
    ...failure,
    hint: failure.hint?.replace('the login is not retried,', `they are tried again in ${minutes} minutes,`),
  }));
  return new RunError(again, exitCode);
}

/** What was accepted once and opens no second time. */
function throwIfOnlyOnce(first: Login, path: string): void {
  if (first.kind === 'given') throw new RunError([endOfGiven(path)]);
  if (first.wrapped === undefined) return;
  throw new RunError(
    'auth',
    `the wrapping token of the ${first.wrapped.field} has been opened, and opens once`,
    {
      where: path,
      hint: 'put another one in its place',
    },
  );
}

/** Neither is kept, nor shown. */
function markOf(first: Login): string {
  return hashOf(first.kind === 'given' ? first.token.reveal() : revealedJson([first.path, first.body]));
}

function isRefusal({ failures }: RunError): boolean {
  return failures.some(({ kind }) => kind === 'auth');
}
