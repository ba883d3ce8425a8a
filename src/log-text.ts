import type { LogEvent, LogLevel } from './log.ts';

const COLOUR_OF_LEVEL: Readonly<Record<LogLevel, string>> = {
  error: '\u001b[31m',
  warn: '\u001b[33m',
  info: '\u001b[32m',
  debug: '\u001b[2m',
};
const RESET = '\u001b[0m';

/** One event as text for people: a line, and for failures indented lines with the place and what to do next. */
export function describeEvent(event: LogEvent, level: LogLevel, colours: boolean): string {
  const label = level === 'info' ? '' : `${level}: `;
  const prefix = colours ? `${COLOUR_OF_LEVEL[level]}vaultonce: ${label}${RESET}` : `vaultonce: ${label}`;
  const [first, ...more] = linesOf(event);
  return [`${prefix}${first}`, ...more.map((line) => `  ${line}`), ''].join('\n');
}

function linesOf(event: LogEvent): readonly [string, ...string[]] {
  switch (event.event) {
    case 'config_loaded':
      return [`config from ${event.sources.join(', ')}`];
    case 'request':
      return [requestLine(event)];
    case 'retrying':
      return [`${event.path}: ${event.reason}; attempt ${String(event.attempt + 1)} in ${seconds(event.delay_ms)}`];
    case 'logged_in':
      return [loggedInLine(event)];
    case 'token_revoked':
      return ['token revoked'];
    case 'token_kept':
      return [`token kept: ${event.reason}`];
    case 'revoke_failed':
      return [`the token could not be revoked: ${event.reason}; it lives until its TTL ends`];
    case 'secret_fetched':
      return [`fetched ${event.path} for ${event.names.join(', ')}`];
    case 'secret_absent':
      return [`optional secret ${event.name} does not exist at ${event.path}`];
    case 'server_warning':
      return [`${event.path}: the server warns: ${event.warnings.join('; ')}`];
    case 'insecure':
      return [event.reason];
    case 'output_written':
      return [`${event.changed ? 'wrote' : 'unchanged'} ${event.path} (${event.mode})`];
    case 'report_failed':
      return [`the report could not be written: ${event.reason}`];
    case 'finished':
      return [finishedLine(event)];
    case 'failed':
      return failureLines(event);
  }
}

type EventOf<Name extends LogEvent['event']> = Extract<LogEvent, { event: Name }>;

function requestLine({ method, path, namespace, status, duration_ms, error }: EventOf<'request'>): string {
  const where = namespace === undefined ? path : `${path} in namespace ${namespace}`;
  return `${method} ${where}: ${error ?? String(status)} in ${seconds(duration_ms)}`;
}

function loggedInLine({ method, path, policies, token_type, lease_duration }: EventOf<'logged_in'>): string {
  const kind = token_type === undefined ? 'token' : `${token_type} token`;
  const ttl = lease_duration === undefined ? '' : `, TTL ${String(lease_duration)} s`;
  return `logged in with ${method} at ${path}: ${kind}${ttl}, policies ${policies.join(', ') || 'none'}`;
}

function finishedLine({ secrets, files, changed, requests, duration_ms }: EventOf<'finished'>): string {
  const written = `${count(files, 'file')} complete (${String(changed)} changed)`;
  return `${written} from ${count(secrets, 'secret')}, ${count(requests, 'request')}, ${seconds(duration_ms)}`;
}

function failureLines(event: EventOf<'failed'>): readonly [string, ...string[]] {
  return [
    event.where === undefined ? event.message : `${event.where}: ${event.message}`,
    ...(event.details ?? []),
    ...(event.hint === undefined ? [] : [`→ ${event.hint}`]),
  ];
}

function count(amount: number, noun: string): string {
  return `${String(amount)} ${noun}${amount === 1 ? '' : 's'}`;
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${String(Math.round(milliseconds))} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
