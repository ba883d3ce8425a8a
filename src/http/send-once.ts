import { RunError } from '../base/errors.ts';
import type { Scope } from '../host/scope.ts';
import { openWire } from './open.ts';
import { baseOf, socketOf } from './proxy.ts';
import { BUILT_IN_CAS } from './third-party.ts';
import { whyNoAnswer } from './second-look.ts';
import { codeOf, withTimeout } from './wire.ts';

/** A request that carries nothing but itself. */
export interface PlainRequest {
  readonly method: string;
  /** `http://`, `https://`, or `unix://` and the path of a socket, which is asked for `/`. */
  readonly url: string;
  readonly timeoutMs: number;
  /** At a socket; undefined: `/`. */
  readonly path?: string;
  /** Never through a proxy. */
  readonly isDirect?: boolean;
}

/**
 * Sends it, once. Redirects are not followed.
 * @returns the status of the answer
 * @throws RunError `unavailable` without an answer; the reason of the scope
 */
export async function sendOnce(
  { method, url, timeoutMs, path = '/', isDirect = false }: PlainRequest,
  scope: Scope,
): Promise<number> {
  const server = { address: url, tls: BUILT_IN_CAS, proxyAddress: undefined };
  const env = isDirect ? {} : scope.env;
  const wire = await openWire(server, 1, { env, now: () => scope.now() });
  try {
    return await withTimeout(timeoutMs, scope.signal, async ({ signal, expired }) => {
      try {
        const to = socketOf(url) === undefined ? url : `${baseOf(url)}${path}`;
        const { status } = await wire.send({ method, url: to, headers: {}, once: true, signal });
        return status;
      } catch (error) {
        scope.throwIfEnded();
        const code = codeOf(error);
        if (expired()) {
          throw new RunError('unavailable', `no answer within ${String(timeoutMs / 1000)} s`);
        }
        const failure = await whyNoAnswer(code, { ...server, clientTimeoutMs: timeoutMs }, env, scope.signal);
        throw new RunError('unavailable', `no answer (${failure.code})`, { details: failure.details });
      }
    });
  } finally {
    wire.close();
  }
}
