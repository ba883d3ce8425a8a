import { harmlessJson } from '../base/harmless.ts';
import { LOG_LEVELS, type LogEvent, type LogFormat, type LogLevel } from './log-events.ts';
import { describeEvent, messageOf } from './log-text.ts';
import type { LogOutput } from './output.ts';
import type { Progress } from './progress.ts';

const LEVEL_OF_EVENT: Readonly<Record<LogEvent['event'], LogLevel>> = {
  config_loaded: 'debug',
  deprecated: 'warn',
  request: 'debug',
  retrying: 'warn',
  login_waits: 'warn',
  waiting: 'warn',
  logged_in: 'debug',
  token_revoked: 'debug',
  token_kept: 'debug',
  revoke_failed: 'warn',
  token_renewed: 'debug',
  token_tended: 'info',
  token_lost: 'warn',
  token_not_replaced: 'warn',
  watch_warning: 'warn',
  lease_renewed: 'info',
  lease_not_renewed: 'info',
  watching: 'info',
  secret_replaced: 'info',
  secret_stale: 'warn',
  secret_recovered: 'info',
  output_restored: 'info',
  told: 'info',
  handler_failed: 'warn',
  command_started: 'info',
  command_stopping: 'info',
  command_killed: 'warn',
  orphans_left: 'warn',
  notify_failed: 'warn',
  variables_refused: 'warn',
  csi_serving: 'info',
  mounted: 'info',
  mount_failed: 'error',
  versions_missing: 'warn',
  volume_ended: 'info',
  config_reloaded: 'info',
  reload_refused: 'error',
  clock_jumped: 'warn',
  renew_failed: 'warn',
  credential_file_removed: 'debug',
  credential_file_kept: 'warn',
  lease_revoked: 'debug',
  lease_left: 'warn',
  wrapped_left: 'warn',
  token_ends_first: 'warn',
  startup_jitter: 'info',
  memory_limit_low: 'warn',
  redirected: 'debug',
  secret_fetched: 'debug',
  secret_reused: 'info',
  secret_absent: 'info',
  server_warning: 'warn',
  insecure: 'warn',
  output_written: 'debug',
  secret_applied: 'info',
  output_pruned: 'debug',
  prune_failed: 'warn',
  set_left: 'warn',
  report_failed: 'error',
  write_missing: 'warn',
  log_lost: 'warn',
  finished: 'info',
  delivered: 'debug',
  handed_over: 'info',
  manifest_note: 'info',
  not_masked: 'warn',
  variables_not_utf8: 'warn',
  failed: 'error',
  run_failed: 'error',
};

export interface Log {
  write(event: LogEvent): void;
  /** The current activity of the run; shown by a spinner on a terminal, nowhere else. */
  progress(activity: string): void;
  /** Removes the spinner. */
  stopProgress(): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly colours: boolean;
  readonly stderr: LogOutput;
  readonly progress: Progress | undefined;
}

export function createLog({ level, format, colours, stderr, progress }: LogOptions): Log {
  const threshold = LOG_LEVELS.indexOf(level);
  const lineOf = (event: LogEvent): string => {
    const eventLevel = LEVEL_OF_EVENT[event.event];
    return format === 'json' ? jsonLine(eventLevel, event) : describeEvent(event, eventLevel, colours);
  };
  let lost = 0;
  const put = (event: LogEvent): void => {
    if (lost > 0 && stderr.offer(lineOf({ event: 'log_lost', lines: lost }))) lost = 0;
    if (!stderr.offer(lineOf(event))) lost += 1;
  };
  return {
    write(event) {
      const eventLevel = LEVEL_OF_EVENT[event.event];
      if (LOG_LEVELS.indexOf(eventLevel) > threshold) return;
      if (progress === undefined) put(event);
      else
        progress.interrupt(() => {
          put(event);
        });
    },
    progress(activity) {
      progress?.show(activity);
    },
    stopProgress() {
      progress?.stop();
    },
  };
}

function jsonLine(level: LogLevel, event: LogEvent): string {
  // A failure is told with what it means; where it was has a field of its own.
  const said = messageOf('kind' in event ? { ...event, where: undefined } : event);
  const line = { time: new Date().toISOString(), level, ...said, ...event, message: said.message };
  return `${harmlessJson(JSON.stringify(line))}\n`;
}
