import { LOG_LEVELS, type LogEvent, type LogFormat, type LogLevel } from './log-events.ts';
import { describeEvent } from './log-text.ts';
import type { Output } from './output.ts';
import type { Progress } from './progress.ts';

const LEVEL_OF_EVENT: Readonly<Record<LogEvent['event'], LogLevel>> = {
  config_loaded: 'debug',
  request: 'debug',
  retrying: 'warn',
  waiting: 'warn',
  logged_in: 'debug',
  token_revoked: 'debug',
  token_kept: 'debug',
  revoke_failed: 'warn',
  token_renewed: 'debug',
  renew_failed: 'warn',
  credential_file_removed: 'debug',
  credential_file_kept: 'warn',
  lease_revoked: 'debug',
  lease_left: 'warn',
  wrapped_left: 'warn',
  token_ends_first: 'warn',
  startup_jitter: 'info',
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
  report_failed: 'error',
  finished: 'info',
  delivered: 'debug',
  failed: 'error',
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
  readonly stderr: Output;
  readonly progress: Progress | undefined;
}

export function createLog({ level, format, colours, stderr, progress }: LogOptions): Log {
  const threshold = LOG_LEVELS.indexOf(level);
  return {
    write(event) {
      const eventLevel = LEVEL_OF_EVENT[event.event];
      if (LOG_LEVELS.indexOf(eventLevel) > threshold) return;
      const text =
        format === 'json' ? jsonLine(eventLevel, event) : describeEvent(event, eventLevel, colours);
      if (progress === undefined) stderr.write(text);
      else
        progress.interrupt(() => {
          stderr.write(text);
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
  return `${JSON.stringify({ time: new Date().toISOString(), level, ...event })}\n`;
}
