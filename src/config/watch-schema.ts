import { LONGEST_TIMER_MS } from '../base/duration.ts';
import {
  either,
  enumeration,
  list,
  object,
  oneOrMore,
  optional,
  required,
  type TypeOf,
} from '../shape/definition.ts';
import { duration, percentage, text, timeLimit, wait } from '../shape/fields.ts';
import { needs, oneOf } from '../shape/combination.ts';

/** `watch:` of a config, and what secrets and outputs say of it. */

/** Shorter would be a load, and changes nothing for anybody; in milliseconds. */
const SHORTEST_REFRESH_MS = 1000;

/** What is wrong with how often something is to be read. */
export function refreshProblems({ refresh }: { readonly refresh?: number | undefined }): string[] {
  return refresh !== undefined && refresh < SHORTEST_REFRESH_MS ? ['`refresh` is shorter than 1s'] : [];
}

function watchProblems(watch: {
  readonly refresh?: number | undefined;
  readonly settle?: number | undefined;
}): string[] {
  const isTooLong = watch.settle !== undefined && watch.settle > LONGEST_TIMER_MS;
  return [...refreshProblems(watch), ...(isTooLong ? ['`settle` is longer than 24d20h'] : [])];
}

const SIGNALS = ['HUP', 'USR1', 'USR2', 'TERM', 'INT', 'QUIT', 'WINCH', 'CONT', 'ALRM'] as const;

type SignalName = `SIG${(typeof SIGNALS)[number]}`;

const signal = enumeration(
  Object.fromEntries(SIGNALS.map((name) => [`SIG${name}`, `\`SIG${name}\`.`])) as Readonly<
    Record<SignalName, string>
  >,
);

const http = object({
  method: optional(
    enumeration({ POST: 'The default.', PUT: '`PUT`.', GET: '`GET`.' }),
    'Method of the request. Default: POST.',
  ),
  url: required(
    text,
    'Where it goes: `http://`, `https://`, or `unix:///path` for a socket and the path `/`.',
  ),
});

const handler = object(
  {
    signal: optional(signal, 'Send this signal: to the command of `watch`, or to `process` or `pid_file`.'),
    process: optional(
      text,
      'With `signal`: the process of this name, as in `/proc/PID/comm`. There must be exactly one, or all others must be its children.',
    ),
    pid_file: optional(text, 'With `signal`: the process whose number is in this file.'),
    run: optional(list(text, { isFilled: true }), 'Run a command, without a shell: its words.'),
    http: optional(http, 'Send an HTTP request; any answer below 300 is a success.'),
    timeout: optional(timeLimit, 'Limit of `run` and `http`. Default: 30s.'),
  },
  [
    oneOf(['signal', 'run', 'http'], true),
    oneOf(['process', 'pid_file'], false),
    needs(['process', 'pid_file'], ['signal'], '`process` and `pid_file` need `signal`'),
    needs(['timeout'], ['run', 'http'], '`timeout` needs `run` or `http`'),
  ],
);

export const onChange = oneOrMore(
  either(
    enumeration({
      none: 'Nobody is told.',
      restart: 'The command of `watch -- COMMAND` is restarted.',
    }),
    handler,
  ),
);

export const watch = object(
  {
    refresh: optional(
      duration,
      'How often to read what has no end, as KV; also of a single secret. Default: 5m.',
    ),
    rotate_at: optional(
      percentage,
      'When to replace what cannot be renewed, as a part of its life; also of a single secret. Default: 80%.',
    ),
    settle: optional(wait, 'Changes within this time are written as one. Default: 2s.'),
    on_change: optional(
      onChange,
      'Whom to tell that outputs have changed, unless an output says it itself. Default: none; with a command, `restart` if its variables have changed.',
    ),
    health: optional(
      object({
        address: required(
          text,
          'Where `/livez`, `/readyz` and `/metrics` are served: `HOST:PORT`, `:PORT`, or `unix:///path`.',
        ),
      }),
      'Serve health checks and metrics. Default: off.',
    ),
    stop_timeout: optional(
      timeLimit,
      'How long the command may take to end before it gets SIGKILL, at a restart and at the end. Default: 10s.',
    ),
    max_stale: optional(
      wait,
      'End with exit 9 once a secret is this long past its end, or has not been read for that long after it was due. Default: 0, never.',
    ),
  },
  [],
  watchProblems,
);

export type WatchFile = TypeOf<typeof watch>;
export type OnChangeFile = TypeOf<typeof onChange>;
