import { harmlessLine } from '../base/harmless.ts';
import type { Failure } from '../base/errors.ts';
import type { LogEvent, LogLevel } from './log-events.ts';

const COLOUR_OF_LEVEL: Readonly<Record<LogLevel, string>> = {
  error: '\u001b[31m',
  warn: '\u001b[33m',
  info: '\u001b[32m',
  debug: '\u001b[2m',
};
const HINT_MARK = '→ ';
const RESET = '\u001b[0m';

/** One event as text for people: a line, and for failures indented lines with details and the hint. */
export function describeEvent(event: LogEvent, level: LogLevel, colours: boolean): string {
  const label = level === 'info' ? '' : `${level}: `;
  const prefix = colours ? `${COLOUR_OF_LEVEL[level]}vaultonce: ${label}${RESET}` : `vaultonce: ${label}`;
  const [first = '', ...more] = linesOf(event).map(harmlessLine);
  return [`${prefix}${first}`, ...more.map((line) => `  ${line}`), ''].join('\n');
}

type EventOf<Name extends LogEvent['event']> = Extract<LogEvent, { event: Name }>;
type Lines = readonly [string, ...string[]];

const DESCRIBE: { readonly [Name in LogEvent['event']]: (event: EventOf<Name>) => Lines } = {
  config_loaded: ({ sources, defaults }) => [
    `config from ${sources.join(', ')}${defaults.length > 0 ? `, defaults from ${defaults.join(', ')}` : ''}`,
  ],
  deprecated: ({ name, instead, since, where }) => [
    `${where === name ? '' : `${where}: `}\`${name}\` is deprecated since ${since}, and a later version will refuse it`,
    `${HINT_MARK}write \`${instead}\``,
  ],
  request: (event) => [requestLine(event)],
  retrying: ({ path, reason, attempt, delay_ms }) => [
    `${path}: ${reason}; attempt ${String(attempt + 1)} in ${seconds(delay_ms)}`,
  ],
  login_waits: ({ path, reason, waits_for, limit_ms }) => [
    `${path}: ${reason}; the server may not reach ${waits_for}: the login is tried again for ${seconds(limit_ms)}`,
  ],
  waiting: ({ address, proxy, path, waited_ms, others }) => [
    `waiting for ${address} (${path})${proxy === undefined ? '' : `, through the proxy ${proxy}`}, ${seconds(waited_ms)}${others > 0 ? `, and for ${count(others, 'other request')}` : ''}`,
  ],
  logged_in: (event) => [loggedInLine(event)],
  token_revoked: () => ['token revoked'],
  token_kept: ({ reason }) => [`token kept alive: ${reason}`],
  revoke_failed: ({ reason, ended }) => [
    `the token could not be revoked: ${reason}${ended === true ? '' : '; it lives until its TTL ends'}`,
  ],
  token_renewed: ({ lease_duration }) => [`token renewed${ttlText(lease_duration)}`],
  token_tended: ({ by, lease_duration, next_in }) => [
    `${by === 'login' ? 'another token' : 'renewed the token'}${ttlText(lease_duration)}${nextText(next_in)}`,
  ],
  token_lost: () => ['the server no longer knows the token: logging in again'],
  token_not_replaced: (failure) => failureLines({ ...failure, message: `no new token: ${failure.message}` }),
  lease_renewed: ({ names, lease_duration, next_in }) => [
    `renewed the lease of ${names.join(', ')}${ttlText(lease_duration)}${nextText(next_in)}`,
  ],
  lease_not_renewed: ({ names, reason }) => [
    `the lease of ${names.join(', ')} was not renewed: ${reason}; it is replaced`,
  ],
  watch_warning: (failure) => failureLines(failure),
  watching: ({ secrets, next_in }) => [`watching ${count(secrets, 'secret')}${nextText(next_in)}`],
  secret_replaced: ({ names, outputs, next_in }) => [
    `${names.join(', ')}: ${outputs.length === 0 ? 'unchanged' : `wrote ${outputs.join(', ')}`}${nextText(next_in)}`,
  ],
  secret_stale: ({ names, retry_in, ...failure }) => [
    `${names.join(', ')} stays as it was: ${failure.message}; next try in ${seconds(retry_in * 1000)}`,
    ...(failure.details ?? []),
    ...(failure.hint === undefined ? [] : [`${HINT_MARK}${failure.hint}`]),
  ],
  secret_recovered: ({ names }) => [`${names.join(', ')}: read again`],
  output_restored: ({ outputs }) => [`wrote ${outputs.join(', ')} again: it had been removed`],
  told: ({ handler }) => [`told of the change: ${handler}`],
  handler_failed: ({ handler, reason, retry_in, hint }) => [
    `${handler}: ${reason}; next try in ${seconds(retry_in * 1000)}`,
    ...(hint === undefined ? [] : [`${HINT_MARK}${hint}`]),
  ],
  command_started: ({ pid }) => [`started the command, process ${String(pid)}`],
  command_stopping: ({ reason }) => [`stopping the command: ${reason}`],
  command_killed: ({ after_ms }) => [`the command did not end within ${seconds(after_ms)}: sent SIGKILL`],
  orphans_left: ({ processes }) => [
    `${String(processes)} of the processes that the command left running ended, and stay in the process table: this runtime cannot reap them`,
    `${HINT_MARK}put an init in front: \`docker run --init\`, \`init: true\` of Compose, or \`shareProcessNamespace: true\` of a pod`,
  ],
  notify_failed: ({ reason, hint }) => [
    `systemd was not notified: ${reason}`,
    ...(hint === undefined ? [] : [`${HINT_MARK}${hint}`]),
  ],
  variables_refused: (failure) =>
    failureLines({ ...failure, message: `the command has the variables of before: ${failure.message}` }),
  config_reloaded: () => ['the config was read again'],
  reload_refused: (failure) =>
    failureLines({ ...failure, message: `the config stays as it was: ${failure.message}` }),
  csi_serving: ({ endpoint }) => [`serving the driver at ${endpoint}`],
  mounted: ({ pod, files, requests, duration_ms }) => [
    `${pod}: ${count(files, 'file')}, ${count(requests, 'request')}, ${seconds(duration_ms)}`,
  ],
  mount_failed: ({ pod, ...failure }) => failureLines({ ...failure, message: `${pod}: ${failure.message}` }),
  versions_missing: ({ reason }) => [`the versions of files are empty: ${reason}`],
  volume_ended: ({ pod, reason }) => [`${pod}: no longer kept: ${reason}`],
  clock_jumped: ({ by }) => [
    `the clock of the system moved by ${seconds(Math.abs(by) * 1000)} ${by > 0 ? 'forward' : 'back'}, or the machine slept`,
  ],
  renew_failed: ({ reason }) => [`the token could not be renewed: ${reason}; it is used anyway`],
  credential_file_removed: ({ path }) => [`removed ${path} after use`],
  credential_file_kept: ({ path, reason }) => [
    `${path} was used, but could not be removed (${reason}); on a read-only volume, remove it where the volume is filled`,
  ],
  lease_revoked: ({ lease_id }) => [`lease ${lease_id} revoked`],
  lease_left: ({ lease_id, reason }) => [
    `the lease ${lease_id} could not be revoked: ${reason}; it lives until its TTL ends`,
  ],
  wrapped_left: ({ path }) => [
    `the wrapped response of ${path} may hold a lease, which lives until its TTL ends`,
  ],
  token_ends_first: ({ lease_id, lease_duration, token_ttl }) => [
    `the lease ${lease_id} lasts ${String(lease_duration)} s, but ends with its token after ${String(token_ttl)} s; raise token_ttl of the role`,
  ],
  startup_jitter: ({ delay_ms }) => [`waiting ${seconds(delay_ms)} before the login (startup_jitter)`],
  memory_limit_low: ({ limit_bytes, needed_bytes }) => [
    `the memory limit of this container is ${mebibytes(limit_bytes)}; a start from a cold page cache needs ${mebibytes(needed_bytes)}, and hangs or is killed with less`,
    `${HINT_MARK}raise the container's memory limit; 128 MiB leave room`,
  ],
  redirected: ({ address }) => [`redirected to the active node at ${address}`],
  secret_fetched: ({ path, names }) => [`fetched ${path} for ${names.join(', ')}`],
  secret_reused: ({ name, expires_at, read_at = 0 }) => [
    `reused ${name} from an earlier run: ${
      expires_at === undefined
        ? `it was read at ${timeText(read_at)}`
        : `it is valid until ${timeText(expires_at)}`
    }`,
  ],
  secret_absent: ({ name, path }) => [`optional secret ${name} does not exist at ${path}`],
  server_warning: ({ path, warnings }) => [`${path}: the server warns: ${warnings.join('; ')}`],
  insecure: ({ reason }) => [reason],
  output_written: ({ path, mode, changed }) => [`${changed ? 'wrote' : 'unchanged'} ${path} (${mode})`],
  secret_applied: ({ namespace, name, entries, created, changed }) => [
    `${created ? 'created' : changed ? 'applied' : 'unchanged:'} the Secret ${name} in namespace ${namespace} (${count(entries, 'key')})`,
  ],
  output_pruned: ({ path }) => [`removed ${path}, which is no longer declared`],
  prune_failed: ({ path, reason }) => [
    `${path} is no longer declared, but could not be removed: ${reason}; the next run tries again`,
  ],
  set_left: ({ path, reason }) => [`${path} still holds secrets of an earlier run with \`swap\`: ${reason}`],
  report_failed: ({ reason }) => [`the report could not be written: ${reason}`],
  write_missing: ({ path, names, data }) => [
    `${path} looks like an endpoint that takes data, and ${names.join(', ')} has none`,
    `${HINT_MARK}if so, add \`write: { ${data} }\`; \`check --online\` asks the server`,
  ],
  log_lost: ({ lines }) => [`the log lacks ${count(lines, 'line')} here: nobody read it in time`],
  finished: (event) => [finishedLine(event)],
  delivered: ({ values, ...rest }) => [`${count(values, 'value')} from ${costs(rest)}`],
  handed_over: ({ variables, to }) => [`${count(variables, 'variable')} for ${to}`],
  manifest_note: ({ note }) => [note],
  not_masked: ({ names }) => [
    `not masked, because every log has such a text (fewer than 4 characters, true, false, null): ${names.join(', ')}; \`mask: false\` says that this is meant`,
  ],
  variables_not_utf8: ({ names }) => [
    `the command gets U+FFFD in the place of bytes that are not valid UTF-8, in ${names.join(', ')}`,
    `${HINT_MARK}encode the value as UTF-8, or set the variable within the command: \`vaultonce exec -- sh -c COMMAND\``,
  ],
  failed: (event) => failureLines(event),
  run_failed: ({ exit_code, failures, summary, duration_ms }) => [
    `failed with exit code ${String(exit_code)} after ${seconds(duration_ms)}${failures > 1 ? `, ${count(failures, 'failure')}` : ''}: ${summary}`,
  ],
};

/** The text of an event, and what to do next. */
export function messageOf(event: LogEvent): { readonly message: string; readonly hint?: string } {
  const [message, ...more] = linesOf(event);
  const hint = more.find((line) => line.startsWith(HINT_MARK))?.slice(HINT_MARK.length);
  return hint === undefined ? { message } : { message, hint };
}

function linesOf(event: LogEvent): Lines {
  // The table pairs each event with its own function; the compiler cannot see that through the lookup.
  return (DESCRIBE[event.event] as (event: LogEvent) => Lines)(event);
}

function requestLine({ method, path, namespace, status, duration_ms, error }: EventOf<'request'>): string {
  const where = namespace === undefined ? path : `${path} in namespace ${namespace}`;
  return `${method} ${where}: ${error ?? String(status)} in ${seconds(duration_ms)}`;
}

function loggedInLine({ method, path, policies, token_type, lease_duration }: EventOf<'logged_in'>): string {
  const kind = token_type === undefined ? 'token' : `${token_type} token`;
  const ttl = lease_duration === undefined ? '' : `, TTL ${String(lease_duration)} s`;
  return `logged in with ${method} at ${path}: ${kind}${ttl}, policies ${policies.join(', ') || 'none'}`;
}

function finishedLine({ files, changed, ...rest }: EventOf<'finished'>): string {
  const { kubernetes_secrets: applied, kubernetes_secrets_changed: different } = rest;
  const secrets = `${count(applied, 'Secret')} of the cluster (${String(different)} changed)`;
  const written = `${count(files, 'file')} complete (${String(changed)} changed)`;
  const done = [...(files > 0 || applied === 0 ? [written] : []), ...(applied > 0 ? [secrets] : [])];
  return `${done.join(', ')} from ${costs(rest)}`;
}

/** @param nextIn seconds; undefined: never */
function ttlText(seconds: number | undefined): string {
  return seconds === undefined ? '' : `, TTL ${String(seconds)} s`;
}

function nextText(nextIn: number | undefined): string {
  return nextIn === undefined ? '' : `; next in ${seconds(nextIn * 1000)}`;
}

type Costs = Pick<EventOf<'finished'>, 'secrets' | 'requests' | 'duration_ms' | 'peak_memory_bytes'>;

function costs({ secrets, requests, duration_ms, peak_memory_bytes }: Costs): string {
  return `${count(secrets, 'secret')}, ${count(requests, 'request')}, ${seconds(duration_ms)}, ${mebibytes(peak_memory_bytes)} of memory`;
}

function mebibytes(bytes: number): string {
  return `${String(Math.ceil(bytes / 1024 ** 2))} MiB`;
}

function timeText(secondsSince1970: number): string {
  return new Date(secondsSince1970 * 1000).toISOString();
}

function failureLines(event: Failure): Lines {
  return [
    event.where === undefined ? event.message : `${event.where}: ${event.message}`,
    ...(event.details ?? []),
    ...(event.hint === undefined ? [] : [`${HINT_MARK}${event.hint}`]),
  ];
}

function count(amount: number, noun: string): string {
  return `${String(amount)} ${noun}${amount === 1 ? '' : 's'}`;
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000
    ? `${String(Math.round(milliseconds))} ms`
    : `${(milliseconds / 1000).toFixed(1)} s`;
}
