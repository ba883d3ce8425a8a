import { resolve } from 'node:path';
import type { Handler, WatchSettings } from './config.ts';
import type { OnChangeFile, WatchFile } from './watch-schema.ts';

const DEFAULT_REFRESH_MS = 5 * 60_000;
const DEFAULT_ROTATE_AT = 0.8;
const DEFAULT_SETTLE_MS = 2000;
const DEFAULT_STOP_MS = 10_000;
const DEFAULT_HANDLER_MS = 30_000;

/** @param where for messages: `vaultonce.yaml:30, watch` */
export function resolveWatch(declared: WatchFile | undefined, where: string, cwd: string): WatchSettings {
  const watch = declared ?? {};
  const { on_change } = watch;
  return {
    isDeclared: declared !== undefined,
    refreshMs: watch.refresh ?? DEFAULT_REFRESH_MS,
    rotateAt: watch.rotate_at ?? DEFAULT_ROTATE_AT,
    settleMs: watch.settle ?? DEFAULT_SETTLE_MS,
    onChange: on_change && resolveHandlers(on_change, `${where}.on_change`, cwd),
    health: watch.health?.address,
    stopMs: watch.stop_timeout ?? DEFAULT_STOP_MS,
    maxStaleMs: watch.max_stale ?? 0,
    where,
  };
}

/** @returns none for `none` */
export function resolveHandlers(declared: OnChangeFile, where: string, cwd: string): readonly Handler[] {
  return [declared].flat().flatMap((handler): Handler[] => {
    if (handler === 'none') return [];
    if (handler === 'restart') return [{ kind: 'restart', where }];
    const timeoutMs = handler.timeout ?? DEFAULT_HANDLER_MS;
    const { signal, run, http } = handler;
    if (signal !== undefined) return [{ kind: 'signal', signal, target: targetOf(handler, cwd), where }];
    if (run !== undefined) return [{ kind: 'run', command: run, timeoutMs, where }];
    if (http === undefined) return [];
    return [{ kind: 'http', method: http.method ?? 'POST', url: http.url, timeoutMs, where }];
  });
}

function targetOf(
  { process, pid_file }: { readonly process?: string | undefined; readonly pid_file?: string | undefined },
  cwd: string,
): Extract<Handler, { kind: 'signal' }>['target'] {
  if (process !== undefined) return { kind: 'process', name: process };
  return pid_file === undefined ? { kind: 'child' } : { kind: 'pid_file', path: resolve(cwd, pid_file) };
}
