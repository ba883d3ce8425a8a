import type { Failure } from '../base/errors.ts';
import { isBareRefusal } from '../vault/vault-answer.ts';
import type { Sender } from '../vault/sender.ts';
import type { Session } from './session.ts';
import { selfLookUp, wrappingLookUp } from './token-look-ups.ts';

/**
 * What a policy denied, with the reason if that was no policy's: a wrapping token may do nothing but be opened, and its
 * only use is gone once it was refused anything else. Asked only of a token that was given to the run.
 */
export async function withOneUse(
  failures: readonly Failure[],
  session: Session,
  sender: Sender,
): Promise<readonly Failure[]> {
  if (session.minted || !failures.some(({ kind }) => kind === 'denied')) return failures;
  const hint = await hintOfOneUse(session, sender);
  if (hint === undefined) return failures;
  return failures.map((failure) => (failure.kind === 'denied' ? { ...failure, hint } : failure));
}

async function hintOfOneUse({ token, namespace }: Session, sender: Sender): Promise<string | undefined> {
  const wrapping = await sender.send(wrappingLookUp(token, namespace));
  if (wrapping.kind === 'answer' && wrapping.status < 300)
    return 'this is a wrapping token: set `wrapped: true` in auth, and the token inside is used';
  const self = await sender.send(selfLookUp(token, namespace));
  if (self.kind === 'unavailable' || !isBareRefusal(self)) return undefined;
  return 'the token ended with this request, as a wrapping token does that is used as it is: if it is one, set `wrapped: true` in auth, and wrap a new one; otherwise it had one use left';
}
