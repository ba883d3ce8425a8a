import { revealedJson } from '../base/revealed-json.ts';
import type { Scope } from '../host/scope.ts';
import { openWire } from '../http/open.ts';
import type { ServerSettings } from '../http/server.ts';
import type { Wire } from '../http/wire.ts';

/** Connections that all volumes of a server share: a node has hundreds of volumes, and the server many nodes. */
export interface SharedWires {
  /**
   * @returns one to use until it is closed, like one's own
   * @throws RunError `config` for TLS files that cannot be used
   */
  take(server: ServerSettings, scope: Pick<Scope, 'env' | 'now'>): Promise<Wire>;
}

interface Shared {
  readonly wire: Promise<Wire>;
  users: number;
}

export function createSharedWires(): SharedWires {
  const known = new Map<string, Shared>();
  return {
    async take(server, scope) {
      const { address, tls, proxyAddress } = server;
      const key = revealedJson({ address, tls, proxyAddress });
      const shared = known.get(key) ?? { wire: openWire(server, undefined, scope), users: 0 };
      known.set(key, shared);
      shared.users += 1;
      const leave = (): void => {
        shared.users -= 1;
        if (shared.users > 0) return;
        if (known.get(key) === shared) known.delete(key);
        shared.wire.then(
          (wire) => {
            wire.close();
          },
          () => undefined,
        );
      };
      try {
        return borrowed(await shared.wire, leave);
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}

/** @param leave is called once, when it is closed */
function borrowed(wire: Wire, leave: () => void): Wire {
  let isClosed = false;
  return {
    send: wire.send,
    get concurrency() {
      return wire.concurrency;
    },
    connect: (requests) => {
      wire.connect(requests);
    },
    flush: () => wire.flush(),
    close() {
      if (isClosed) return;
      isClosed = true;
      leave();
    },
  };
}
