import { findServer } from '../../support/binary.ts';
import type { Tool } from '../job.ts';
import { agent } from '../peers.ts';
import { ON_NODE, onNode, STANDALONE, standalone } from '../tools.ts';
import type { HerdSite } from './herd-site.ts';

export const AGENT = 'bao agent';

/** How a herd runs. */
export interface Variant {
  readonly http2: boolean;
  readonly jitterMs: number;
  /** Requests in a second; undefined: any number. */
  readonly quota: number | undefined;
}

export interface HerdClient {
  readonly name: string;
  /** Whether it has `startup_jitter`, and can be made to speak HTTP/1.1. */
  readonly hasSettings: boolean;
  /** One for each lane, so that no two of them write the same files. */
  tools(site: HerdSite, variant: Variant, lanes: number): Promise<Tool[]>;
}

export const HERD_CLIENTS: Readonly<Record<string, HerdClient>> = {
  standalone: ours(STANDALONE, standalone),
  node: ours(ON_NODE, onNode),
  agent: {
    name: AGENT,
    hasSettings: false,
    async tools({ job }, _, lanes) {
      const { path } = await findServer();
      return inLanes(lanes, (lane) => agent(`${AGENT} ${String(lane)}`, path, job));
    },
  },
};

function ours(name: string, prepare: typeof standalone): HerdClient {
  return {
    name,
    hasSettings: true,
    tools({ job, proxy }, { http2, jitterMs }, lanes) {
      const tool = prepare(job);
      const env = {
        ...tool.env,
        ...(http2 ? {} : { VAULT_PROXY_ADDR: proxy }),
        ...(jitterMs === 0 ? {} : { VAULTONCE_STARTUP_JITTER: `${String(jitterMs)}ms` }),
      };
      return Promise.resolve(
        inLanes(lanes, (lane) => {
          const output = job.workspace.path('lane', String(lane));
          return { ...tool, command: [...tool.command, '--set', `output.directory=${output}`], output, env };
        }),
      );
    },
  };
}

function inLanes(lanes: number, tool: (lane: number) => Tool): Tool[] {
  return Array.from({ length: lanes }, (_, lane) => tool(lane));
}
