import http from 'node:http';
import type https from 'node:https';
import type { SecureContext } from 'node:tls';
import type { Io } from '../io.ts';
import { openAhead } from './open-ahead.ts';
import { proxyOf, socketOf, type ReachableServer } from './proxy.ts';
import { MOST_CONNECTIONS, type Connections } from './wire.ts';

/** The agents of a run: kept-alive connections, at most `sockets` of them, through the environment's proxy if any. */
export interface Transport {
  readonly httpAgent?: http.Agent;
  readonly httpsAgent?: https.Agent;
  /** Where requests go instead of to the host of their URL. */
  readonly socketPath?: string;
  readonly destroy: () => void;
}

/**
 * @param secureContext what another connection of the run has made of the TLS settings already
 * @throws RunError `config` for unusable TLS files
 */
export async function createTransport(
  server: ReachableServer,
  { most = MOST_CONNECTIONS, expected }: Connections,
  { env, now }: Pick<Io, 'env' | 'now'>,
  secureContext?: SecureContext,
): Promise<Transport> {
  const proxyEnv = proxyOf(server, env);
  const options = { keepAlive: true, maxSockets: most, ...(proxyEnv === undefined ? {} : { proxyEnv }) };
  const close = (agent: http.Agent): (() => void) => {
    // A proxy's tunnels are made by requests of their own.
    const closeSpares =
      proxyEnv === undefined ? openAhead(agent, Math.min(most, expected), now) : (): void => undefined;
    return () => {
      closeSpares();
      agent.destroy();
    };
  };
  if (!server.address.startsWith('https:')) {
    const httpAgent = new http.Agent(options);
    const socketPath = socketOf(server.address);
    return {
      httpAgent,
      ...(socketPath === undefined ? {} : { socketPath }),
      destroy: close(httpAgent),
    };
  }
  const { createHttpsAgent } = await import('./https-agent.ts');
  const httpsAgent = createHttpsAgent(server.tls, options, secureContext);
  return { httpsAgent, destroy: close(httpsAgent) };
}
