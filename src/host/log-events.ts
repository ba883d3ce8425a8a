import type { Failure } from '../base/errors.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Everything that is ever logged. No event has a field that could hold a secret. */
export type LogEvent =
  | {
      readonly event: 'config_loaded';
      readonly sources: readonly string[];
      readonly defaults: readonly string[];
    }
  | {
      /** It is taken for another one, for now. */
      readonly event: 'deprecated';
      readonly name: string;
      readonly instead: string;
      /** The version that deprecated it. */
      readonly since: string;
      readonly where: string;
    }
  | {
      readonly event: 'request';
      readonly method: string;
      readonly path: string;
      readonly namespace: string | undefined;
      readonly status: number | undefined;
      readonly duration_ms: number;
      readonly error: string | undefined;
    }
  | {
      readonly event: 'retrying';
      readonly path: string;
      readonly attempt: number;
      readonly delay_ms: number;
      readonly reason: string;
    }
  | {
      readonly event: 'waiting';
      readonly address: string;
      readonly proxy: string | undefined;
      readonly path: string;
      readonly waited_ms: number;
      /** Further requests without an answer. */
      readonly others: number;
    }
  | {
      readonly event: 'logged_in';
      readonly method: string;
      readonly path: string;
      readonly policies: readonly string[];
      readonly token_type: string | undefined;
      readonly lease_duration: number | undefined;
    }
  | {
      readonly event: 'login_waits';
      readonly path: string;
      /** What the server answered. */
      readonly reason: string;
      /** What it may not reach. */
      readonly waits_for: string;
      readonly limit_ms: number;
    }
  | { readonly event: 'token_revoked' }
  | { readonly event: 'token_kept'; readonly reason: string }
  | {
      readonly event: 'revoke_failed';
      readonly reason: string;
      /** The server does not know it any longer. */
      readonly ended?: boolean;
    }
  | { readonly event: 'token_renewed'; readonly lease_duration: number | undefined }
  /** Of a process that stays. */
  | {
      readonly event: 'token_tended';
      readonly by: 'renewal' | 'login';
      readonly lease_duration: number | undefined;
      /** Seconds; undefined: never. */
      readonly next_in: number | undefined;
    }
  /** The server no longer knows it. */
  | { readonly event: 'token_lost' }
  | ({ readonly event: 'token_not_replaced' } & Failure)
  | {
      readonly event: 'lease_renewed';
      readonly names: readonly string[];
      readonly lease_duration: number | undefined;
      /** Seconds; undefined: never. */
      readonly next_in: number | undefined;
    }
  | { readonly event: 'lease_not_renewed'; readonly names: readonly string[]; readonly reason: string }
  /** What cannot be kept good for ever. */
  | ({ readonly event: 'watch_warning' } & Failure)
  /** Everything was written once, and is kept good from now on. */
  | { readonly event: 'watching'; readonly secrets: number; readonly next_in: number | undefined }
  | {
      readonly event: 'secret_replaced';
      readonly names: readonly string[];
      /** What was written; nothing: it is the same as before. */
      readonly outputs: readonly string[];
      /** Seconds; undefined: never. */
      readonly next_in: number | undefined;
    }
  | ({
      readonly event: 'secret_stale';
      readonly names: readonly string[];
      /** Seconds. */
      readonly retry_in: number;
    } & Failure)
  | { readonly event: 'secret_recovered'; readonly names: readonly string[] }
  /** Somebody had removed them. */
  | { readonly event: 'output_restored'; readonly outputs: readonly string[] }
  | { readonly event: 'told'; readonly handler: string }
  | {
      readonly event: 'handler_failed';
      readonly handler: string;
      readonly reason: string;
      readonly hint: string | undefined;
      /** Seconds. */
      readonly retry_in: number;
    }
  | { readonly event: 'command_started'; readonly pid: number }
  | { readonly event: 'command_stopping'; readonly reason: string }
  | { readonly event: 'command_killed'; readonly after_ms: number }
  /** What the command has started and left, as PID 1. */
  | { readonly event: 'orphans_left'; readonly processes: number }
  /** systemd was not told. */
  | { readonly event: 'notify_failed'; readonly reason: string; readonly hint: string | undefined }
  | ({ readonly event: 'variables_refused' } & Failure)
  | { readonly event: 'config_reloaded' }
  | ({ readonly event: 'reload_refused' } & Failure)
  /** The socket is there for the driver. */
  | { readonly event: 'csi_serving'; readonly endpoint: string }
  /** A volume has other files than before. */
  | {
      readonly event: 'mounted';
      /** `namespace/name` of the pod. */
      readonly pod: string;
      readonly class: string | undefined;
      readonly files: number;
      readonly requests: number;
      readonly duration_ms: number;
    }
  | ({ readonly event: 'mount_failed'; readonly pod: string; readonly class: string | undefined } & Failure)
  | { readonly event: 'versions_missing'; readonly reason: string }
  | { readonly event: 'volume_ended'; readonly pod: string; readonly reason: string }
  /** In seconds. */
  | { readonly event: 'clock_jumped'; readonly by: number }
  | { readonly event: 'renew_failed'; readonly reason: string }
  | { readonly event: 'credential_file_removed'; readonly path: string }
  | { readonly event: 'credential_file_kept'; readonly path: string; readonly reason: string }
  | { readonly event: 'lease_revoked'; readonly lease_id: string }
  | { readonly event: 'lease_left'; readonly lease_id: string; readonly reason: string }
  | { readonly event: 'wrapped_left'; readonly path: string }
  | {
      readonly event: 'token_ends_first';
      readonly lease_id: string;
      /** Seconds. */
      readonly lease_duration: number;
      /** Seconds. */
      readonly token_ttl: number;
    }
  | { readonly event: 'startup_jitter'; readonly delay_ms: number }
  | { readonly event: 'memory_limit_low'; readonly limit_bytes: number; readonly needed_bytes: number }
  | { readonly event: 'redirected'; readonly address: string }
  | { readonly event: 'secret_fetched'; readonly path: string; readonly names: readonly string[] }
  | {
      readonly event: 'secret_reused';
      readonly name: string;
      readonly path: string;
      /** Seconds since 1970; undefined: it has no end. */
      readonly expires_at: number | undefined;
      /** Seconds since 1970; undefined: unknown. */
      readonly read_at: number | undefined;
    }
  | { readonly event: 'secret_absent'; readonly name: string; readonly path: string }
  | { readonly event: 'server_warning'; readonly path: string; readonly warnings: readonly string[] }
  | { readonly event: 'insecure'; readonly reason: string }
  | {
      readonly event: 'output_written';
      readonly path: string;
      readonly mode: string;
      readonly changed: boolean;
    }
  | {
      readonly event: 'secret_applied';
      readonly namespace: string;
      readonly name: string;
      readonly entries: number;
      readonly created: boolean;
      readonly changed: boolean;
    }
  | { readonly event: 'output_pruned'; readonly path: string }
  | { readonly event: 'prune_failed'; readonly path: string; readonly reason: string }
  | { readonly event: 'set_left'; readonly path: string; readonly reason: string }
  | { readonly event: 'report_failed'; readonly reason: string }
  | {
      readonly event: 'write_missing';
      readonly path: string;
      readonly names: readonly string[];
      /** An example. */
      readonly data: string;
    }
  | { readonly event: 'log_lost'; readonly lines: number }
  | {
      readonly event: 'finished';
      readonly secrets: number;
      readonly files: number;
      readonly changed: number;
      readonly kubernetes_secrets: number;
      readonly kubernetes_secrets_changed: number;
      readonly requests: number;
      readonly duration_ms: number;
      readonly peak_memory_bytes: number;
    }
  | {
      readonly event: 'delivered';
      readonly values: number;
      readonly secrets: number;
      readonly requests: number;
      readonly duration_ms: number;
      readonly peak_memory_bytes: number;
    }
  | { readonly event: 'handed_over'; readonly variables: number; readonly to: string }
  | { readonly event: 'manifest_note'; readonly note: string }
  | { readonly event: 'not_masked'; readonly names: readonly string[] }
  /** What the command of `exec` inherits, and gets with other bytes. */
  | { readonly event: 'variables_not_utf8'; readonly names: readonly string[] }
  | ({ readonly event: 'failed'; readonly exit_code: number } & Failure)
  | {
      readonly event: 'run_failed';
      readonly exit_code: number;
      /** How many. */
      readonly failures: number;
      /** The most important ones. */
      readonly summary: string;
      readonly duration_ms: number;
      readonly peak_memory_bytes: number;
    };
