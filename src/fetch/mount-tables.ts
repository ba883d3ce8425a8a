import { RunError, type Failure } from '../base/errors.ts';
import { retryWhileUnknown, type Session } from '../session/session.ts';
import { readMounts, type Mount } from '../vault/responses.ts';
import type { Sender } from '../vault/sender.ts';
import type { MountTables } from './planned-reads.ts';
import { refusalOf } from './read-refusal.ts';

/**
 * Reads the mounts that the token may see: one request for each namespace with a secret that needs them. The endpoint is
 * open to every valid token, needs no policy and does not count as a use of the token.
 * https://openbao.org/api-docs/system/internal-ui-mounts/
 * @param tables those that are known already, to which the others are added
 * @throws RunError with every namespace's failure
 */
export async function fetchMountTables(
  namespaces: ReadonlySet<string | undefined>,
  session: Session,
  sender: Sender,
  tables = new Map<string | undefined, readonly Mount[]>(),
): Promise<MountTables> {
  const failures: Failure[] = [];
  const unknown = [...namespaces].filter((namespace) => !tables.has(namespace));
  await Promise.all(
    unknown.map(async (namespace) => {
      const path = 'sys/internal/ui/mounts';
      const { token } = session;
      const request = { method: 'GET', path, namespace, token, mints: false } as const;
      const answer = await sender.send(request, retryWhileUnknown(session));
      if (answer.kind === 'unavailable') failures.push(answer.failure);
      else if (answer.status >= 400)
        failures.push(
          lookUpRefused(refusalOf(answer, { path, namespace, where: undefined, source: session.source })),
        );
      else tables.set(namespace, readMounts(answer.body));
    }),
  );
  if (failures.length > 0) throw new RunError(failures);
  return tables;
}

/** Secrets that declare their engine need no look-up, so a server that does not answer it can be used all the same. */
function lookUpRefused(failure: Failure): Failure {
  if (failure.kind === 'auth') return failure;
  return {
    ...failure,
    hint: `${failure.hint ?? ''}; or declare \`engine:\` for each secret: nothing is looked up then`,
  };
}
