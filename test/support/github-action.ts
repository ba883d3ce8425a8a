import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { layAction } from '../../.config/release-action.ts';
import { thisMachine } from '../../.config/targets.ts';
import { starter } from './cli.ts';
import type { Workspace } from './workspace.ts';

export const ACTION = 'vaultonce/vaultonce@action-v0';

/** A release of this program, as far as the action goes: what it pins, and where that can be downloaded. */
export interface ReleasedAction {
  /** The action, as its tag has it. */
  readonly directory: string;
  readonly actions: Readonly<Record<string, string>>;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** What is sent instead of the program; undefined: what was released. */
  instead: { readonly status: number; readonly location?: string; readonly body?: string } | undefined;
  stop(): Promise<void>;
}

/** In a place of its own, which `clear()` of the workspace of a job does not reach. */
export async function releaseAction(workspace: Workspace): Promise<ReleasedAction> {
  const program = starter(workspace, 'released/program');
  const target = thisMachine();
  const server = createServer((request, response) => {
    released.asked.push(request.url ?? '');
    const moved = request.url?.startsWith('/moved/') === true;
    const { status, location, body } = (moved ? undefined : released.instead) ?? {
      status: request.url?.endsWith(`/vaultonce-${target}`) === true ? 200 : 404,
    };
    response.writeHead(status, location === undefined ? {} : { location });
    response.end(body ?? readFileSync(program));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const directory = join(workspace.root, 'action');
  layAction(directory, '0.0.1', new Map([[target, program]]), `http://127.0.0.1:${String(port)}/v0.0.1`);
  const released: ReleasedAction = {
    directory,
    actions: { [ACTION]: directory },
    asked: [],
    instead: undefined,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
  return released;
}
