import http from 'node:http';
import type https from 'node:https';
import type { Scope } from '../host/scope.ts';
import type { Http2Sessions } from './http2-sessions.ts';
import { openAhead } from './open-ahead.ts';
import { proxyOf, socketOf, type ReachableServer } from './proxy.ts';
import { MOST_CONNECTIONS } from './wire.ts';

/** The agents of a run: kept-alive connections, at most `sockets` of them, through the environment's proxy if any. */
export interface Transport {
  readonly httpAgent?: http.Agent;
  readonly httpsAgent?: https.Agent;
  /** Where requests go instead of to the host of their URL. */
  readonly socketPath?: string;
  /** So many requests will be made at once. */
  readonly expect: (requests: number) => void;
  readonly destroy: () => void;
}

/**
 * @param sessions with the TLS settings read, and perhaps an established connection
 * @throws RunError `config` for unusable TLS files
 */
export async function createTransport(
  server: ReachableServer,
  most = MOST_CONNECTIONS,
  { env, now }: Pick<Scope, 'env' | 'now'>,
  sessions?: Http2Sessions,
): Promise<Transport> {
  const proxyEnv = proxyOf(server, env);
  const options = { keepAlive: true, maxSockets: most, ...(proxyEnv === undefined ? {} : { proxyEnv }) };
  const controlsOf = (agent: http.Agent): Pick<Transport, 'expect' | 'destroy'> => {
    // A proxy's tunnels are made by requests of their own.
    const ahead = proxyEnv === undefined ? openAhead(agent, now, sessions?.takeHttp1Socket) : undefined;
    return {
      expect: (requests) => ahead?.expect(Math.min(most, requests)),
      destroy() {
        ahead?.close();
        agent.destroy();
      },
    };
  };
  if (!server.address.startsWith('https:')) {
    const httpAgent = new http.Agent(options);
    const socketPath = socketOf(server.address);
    return {
      httpAgent,
      ...(socketPath === undefined ? {} : { socketPath }),
      ...controlsOf(httpAgent),
    };
  }
  const { createHttpsAgent } = await import('./https-agent.ts');
  const httpsAgent = createHttpsAgent(server.tls, options, sessions?.secureContext);
  return { httpsAgent, ...controlsOf(httpsAgent) };
}
