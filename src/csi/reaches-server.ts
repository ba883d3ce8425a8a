import { configFrom } from '../config/load.ts';
import { sourceText, type SourceText } from '../config/source.ts';
import type { Scope } from '../host/scope.ts';
import { baseOf } from '../http/proxy.ts';
import { withTimeout } from '../http/wire.ts';
import type { SharedWires } from './shared-wires.ts';

const LIMIT_MS = 3000;
/** Not for a token of anybody, and without one: https://openbao.org/api-docs/system/health/ */
const PATH = '/v1/sys/health?perfstandbyok=true&standbyok=true';
/** A config needs a login; nobody logs in by it. */
const NO_LOGIN = { method: 'token', token: 'none' };

interface Defaults {
  readonly vault?: { readonly address?: unknown };
}

/**
 * How to find out whether the server answers that classes use which name none.
 * @returns undefined: the defaults name none
 * @throws RunError `config`
 */
export async function reachesServer(
  defaults: SourceText,
  wires: SharedWires,
  scope: Scope,
): Promise<(() => Promise<boolean>) | undefined> {
  // Of a login they may say only a part.
  const others = { ...(JSON.parse(defaults.text) as Defaults), auth: NO_LOGIN };
  if (others.vault?.address === undefined) return undefined;
  const around = { env: {}, cwd: defaults.directory ?? '/', variables: {} };
  const text = sourceText('defaults', JSON.stringify({ auth: NO_LOGIN }), undefined);
  const { server } = await configFrom([text], around, [{ ...defaults, text: JSON.stringify(others) }]);
  const wire = await wires.take(server, scope);
  const url = `${baseOf(server.address)}${PATH}`;
  return async () => {
    try {
      // Whatever it answers, sealed or not: it says more when it is asked for a secret.
      await withTimeout(LIMIT_MS, scope.signal, ({ signal }) =>
        wire.send({ method: 'GET', url, headers: {}, once: false, signal }),
      );
      return true;
    } catch {
      return false;
    }
  };
}
