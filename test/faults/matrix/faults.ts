import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Dialect, Exchange, Reply, Transport } from './double.ts';

/** What can go wrong with one request. Tables, so that the next one is a line. */
export interface Fault {
  readonly name: string;
  /** All unless given. */
  readonly transports?: readonly Transport[];
  /** What it does in place of the honest answer. */
  readonly play: (exchange: Exchange) => void;
  /**
   * `passing`: a run that meets it once, in a request that may be repeated, has to succeed. `harmless`: has to succeed even if it meets
   * it each time.
   */
  readonly kind?: 'passing' | 'harmless';
  /** Stages in which `passing` does not: it counts as an answer there. */
  readonly finalIn?: readonly string[];
  /** The answer stays a good one, with other values. */
  readonly changesValues?: true;
}

const JSON_TYPE = { 'content-type': 'application/json' };

const says = (
  status: number,
  text: string | Buffer,
  headers: Readonly<Record<string, string>> = JSON_TYPE,
): Reply => ({
  status,
  headers,
  body: Buffer.from(text),
});
const errors = (status: number, ...texts: readonly string[]): Reply =>
  says(status, JSON.stringify({ errors: texts }));
const answer =
  (reply: Reply) =>
  ({ send }: Exchange): void => {
    send(reply);
  };
const REUSED: readonly Transport[] = ['http', 'https'];

const PASSING_STATUSES: ReadonlySet<number> = new Set([412, 429, 500, 502, 503, 504]);
const statuses: readonly Fault[] = [
  201, 202, 203, 205, 206, 300, 301, 302, 303, 304, 305, 308, 400, 401, 402, 403, 404, 405, 406, 407, 408,
  409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 472,
  473, 499, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 599,
].map((status) => ({
  name: `status ${String(status)}`,
  play: answer(errors(status, 'a fault of the matrix')),
  ...(PASSING_STATUSES.has(status) ? { kind: 'passing' } : {}),
}));

/** https://developer.hashicorp.com/vault/api-docs and https://openbao.org/api-docs/, measured. */
const DIALECTS: Readonly<Record<string, Readonly<Record<Dialect, readonly [number, ...string[]]>>>> = {
  'a token that is not known': {
    openbao: [403, 'permission denied'],
    vault: [403, '2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n'],
  },
  'a policy that denies': {
    openbao: [403, '1 error occurred:\n\t* permission denied\n\n'],
    vault: [403, '1 error occurred:\n\t* permission denied\n\n'],
  },
  'a login without its role': {
    openbao: [500, 'missing role_id'],
    vault: [500, 'failed to determine alias name from login request'],
  },
  'a namespace that does not exist': {
    openbao: [404, 'namespace not found'],
    vault: [404, 'enterprise-only feature'],
  },
  'a path with a trailing slash': {
    openbao: [500, 'could not find version data'],
    vault: [404],
  },
  'a plug-in that is not there': {
    openbao: [400, 'plugin not found in the catalog: ldap'],
    vault: [400, 'plugin not found in the catalog: ldap'],
  },
  'a wrapping token that is used': {
    openbao: [400, 'wrapping token is not valid or does not exist'],
    vault: [400, 'wrapping token is not valid or does not exist'],
  },
};
const dialects: readonly Fault[] = Object.entries(DIALECTS).map(([name, said]) => ({
  name,
  // One of these is the answer for what does not exist, which a tree leaves out.
  changesValues: true,
  // A standby may not know a new token yet. A login has none, and it costs a wrapping token nothing to be unknown.
  ...(name === 'a token that is not known'
    ? { kind: 'passing', finalIn: ['login', 'look into a wrapping'] }
    : {}),
  play: ({ dialect, send }) => {
    const [status, ...texts] = said[dialect];
    send(errors(status, ...texts));
  },
}));

const emptyStatuses: readonly Fault[] = [204, 400, 403, 404, 429, 500, 502, 503].map((status) => ({
  name: `status ${String(status)} without a body`,
  play: answer(says(status, '', {})),
}));

const pages: readonly Fault[] = [200, 401, 403, 404, 502, 503].map((status) => ({
  name: `a page of HTML, status ${String(status)}`,
  play: answer(says(status, '<html><h1>It works</h1></html>', { 'content-type': 'text/html' })),
}));

const retryAfters: readonly Fault[] = [
  '0',
  '1',
  '-1',
  '1.5',
  '1e3',
  '99999999999999999999',
  '0x1',
  '',
  ' ',
  'soon',
  'NaN',
  'Infinity',
  '1, 2',
  'Wed, 21 Oct 2015 07:28:00 GMT',
  'Wed, 21 Oct 2099 07:28:00 GMT',
  'Wed',
  '2026-01-01T00:00:00Z',
].map((text) => ({
  name: `Retry-After: ${text}`,
  play: answer(says(429, '{"errors":["rate limit quota exceeded"]}', { ...JSON_TYPE, 'retry-after': text })),
}));

/** Bodies of a 200 that are not what was asked for. */
const BODIES: Readonly<Record<string, string | Buffer>> = {
  nothing: '',
  'a blank': ' ',
  null: 'null',
  'a list': '[]',
  'a number': '1',
  'a text': '"text"',
  true: 'true',
  'an empty object': '{}',
  'data null': '{"data":null}',
  'data a list': '{"data":[1,2]}',
  'data a number': '{"data":1}',
  'data a text': '{"data":"x"}',
  'data of data null': '{"data":{"data":null,"metadata":{"version":1}}}',
  'data of data a list': '{"data":{"data":[],"metadata":{"version":1}}}',
  'data of data a number': '{"data":{"data":1,"metadata":{}}}',
  'no metadata': '{"data":{"data":{"other":"x"}}}',
  'metadata of odd types':
    '{"data":{"data":{"other":"x"},"metadata":{"version":"x","destroyed":1,"deletion_time":[]}}}',
  'auth null': '{"auth":null,"data":{}}',
  'auth a list': '{"auth":[]}',
  'no token': '{"auth":{"client_token":""}}',
  'a token that is a number': '{"auth":{"client_token":1}}',
  'a token that is null': '{"auth":{"client_token":null}}',
  'a token with a line break': '{"auth":{"client_token":"s.x\\ny: z"}}',
  'a token with a NUL': '{"auth":{"client_token":"s.\\u0000x"}}',
  'a token with a lone surrogate': '{"auth":{"client_token":"s.\\ud800x"}}',
  'a token with letters beyond ASCII': '{"auth":{"client_token":"s.ключ"}}',
  'a token of a megabyte': `{"auth":{"client_token":"s.${'x'.repeat(1 << 20)}"}}`,
  MFA: '{"auth":{"client_token":"","mfa_requirement":{"mfa_request_id":"x","mfa_constraints":{"a\\n::b":{"any":[]}}}}}',
  'MFA of odd types': '{"auth":{"mfa_requirement":{"mfa_constraints":[1]}}}',
  'a token type that is odd':
    '{"auth":{"client_token":"s.x","token_type":7,"lease_duration":"x","num_uses":-1,"policies":{}}}',
  'a lease of odd types':
    '{"lease_id":7,"lease_duration":"x","renewable":"y","data":{"username":"u","password":"p"}}',
  'wrap_info of odd types': '{"wrap_info":{"token":7,"ttl":"x"},"data":null}',
  'mounts a list': '{"data":{"secret":[]}}',
  'mounts of null': '{"data":{"secret":{"secret/":null}}}',
  'mounts of odd types': '{"data":{"secret":{"secret/":{"type":1,"options":[]}}}}',
  'a version that no KV has': '{"data":{"secret":{"secret/":{"type":"kv","options":{"version":"3"}}}}}',
  'a key __proto__':
    '{"data":{"data":{"__proto__":{"key":"x"}},"metadata":{"version":1}},"__proto__":{"auth":{"client_token":"x"}}}',
  'errors in a 200': '{"errors":["but it is a 200"]}',
  'errors of odd types': '{"errors":{"a":1}}',
  'warnings of odd types': '{"warnings":{"a":[1]},"data":{}}',
  'a byte order mark': '\ufeff{}',
  'UTF-16': Buffer.from('{"data":{}}', 'utf16le'),
  'bytes that are no UTF-8': Buffer.from('7b2264617461223a7b2278223a22ff2280c0227d7d', 'hex'),
  'a document and another': '{}{}',
  'a document and more': '{"data":{}} x',
  NaN: '{"data":{"data":{"key":NaN}}}',
  'single quotes': "{'data':{}}",
  'a comma too many': '{"data":{},}',
  'a number beyond all': `{"data":{"data":{"other":1e999999}}}`,
  'a number of a thousand digits': `{"data":{"data":{"other":${'9'.repeat(1000)}}}}`,
  'lists 200 deep': `{"data":{"data":{"other":${'['.repeat(200)}${']'.repeat(200)}}}}`,
  'lists 100,000 deep': `{"data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  'objects 20,000 deep': `${'{"data":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  'a document without an end': '{"data":{"data":{"key":"',
  '100,000 keys': `{"data":{"data":{${Array.from({ length: 100_000 }, (_, at) => `"k${String(at)}":"v"`).join(',')}},"metadata":{"version":1}}}`,
  'eight megabytes': `{"data":{"data":{"other":"${'x'.repeat(8 << 20)}"},"metadata":{"version":1}}}`,
  text: 'OK',
  binary: Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
};
const bodies: readonly Fault[] = Object.entries(BODIES).map(([name, body]) => ({
  name: `a 200 with ${name}`,
  play: answer(says(200, body)),
  changesValues: true,
}));

/** What a server could say that a terminal or a CI runner obeys. */
const COMMANDS = [
  '::add-mask::x',
  '::set-env name=A::b',
  '##vso[task.setvariable variable=a]b',
  '##[error]x',
  '\u001b[31mred',
  '\u001b]0;title\u0007',
  '\r::error::x',
  'a\n::error::b',
  '\u0085',
  '\u202e',
  '\u009b31m',
];
const commands: readonly Fault[] = [400, 403, 404, 500, 200].map((status) => ({
  name: `commands in a ${String(status)}`,
  play: answer(says(status, JSON.stringify({ errors: COMMANDS, warnings: COMMANDS, data: null }))),
}));

/** The honest answer, with other names in it: those of policies, types, leases, and what a listing finds. */
const renamed =
  (nameOf: (exchange: Exchange, at: number) => string, andPaths = true) =>
  (exchange: Exchange): void => {
    const { body, ...rest } = exchange.honest();
    const said = (body.length === 0 ? {} : JSON.parse(body.toString())) as Record<string, unknown>;
    const list = COMMANDS.map((_, at) => nameOf(exchange, at));
    const fill = (object: unknown, own: Readonly<Record<string, unknown>>): void => {
      if (typeof object !== 'object' || object === null) return;
      for (const [key, name] of Object.entries(own))
        if (key in object) (object as Record<string, unknown>)[key] = name;
    };
    if (andPaths && said['lease_id'] !== '') fill(said, { lease_id: list.join('/') });
    if (andPaths) fill(said['data'], { keys: list });
    fill(said['auth'], { policies: list, token_policies: list, token_type: list.join(' ') });
    fill(said['data'], { creation_path: list.join('/') });
    fill(said['metadata'], { name: list[0], namespace: list[1] });
    exchange.send({ ...rest, body: Buffer.from(JSON.stringify(said)) });
  };
const names: readonly Fault[] = [
  ...COMMANDS.map((command): Fault => ({
    name: `names that are commands: ${JSON.stringify(command)}`,
    changesValues: true,
    play: renamed((_, at) => `${command}${String(at)}`),
  })),
  {
    name: 'names that repeat what was sent',
    changesValues: true,
    // Paths and the ids of leases are asked for and written as they are.

    play: renamed((exchange, at) => `${sentIn(exchange)[0] ?? ''}${String(at)}`, false),
  },
  {
    name: 'MFA whose names are commands',
    play: answer(
      says(
        200,
        JSON.stringify({
          auth: {
            client_token: '',
            mfa_requirement: {
              mfa_request_id: 'x',
              mfa_constraints: Object.fromEntries(COMMANDS.map((command) => [command, { any: [] }])),
            },
          },
        }),
      ),
    ),
  },
];

/** How a server or a proxy repeats what was sent. */
const ECHOES: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'in base64': (text) => Buffer.from(text).toString('base64'),
  'in base64url': (text) => Buffer.from(text).toString('base64url'),
  'in hex': (text) => Buffer.from(text).toString('hex'),
  'in a URL': (text) => encodeURIComponent(text),
  'as JSON': (text) => JSON.stringify(JSON.stringify(text)),
};
function sentIn({ request: { headers, body } }: Exchange): readonly string[] {
  const sent = [headers['x-vault-token'], headers['authorization']].filter(
    (text) => typeof text === 'string',
  );
  let fields: unknown[] = [];
  try {
    fields = Object.values(JSON.parse(body) as object);
  } catch {
    // It was no JSON.
  }
  return [...sent, ...fields.filter((field) => typeof field === 'string'), ...(body === '' ? [] : [body])];
}
const echoes: readonly Fault[] = Object.entries(ECHOES).flatMap(([how, encode]) => [
  ...[400, 403, 404, 500].map((status): Fault => ({
    name: `an echo ${how} in a ${String(status)}`,
    play: (exchange) => {
      exchange.send(errors(status, ...sentIn(exchange).map((text) => `you sent ${encode(text)} to us`)));
    },
  })),
  {
    name: `an echo ${how} in a Location`,
    play: (exchange: Exchange) => {
      const [text = ''] = sentIn(exchange);
      const location = `https://${encodeURIComponent(encode(text)).slice(0, 200)}.test/v1/${encodeURIComponent(encode(text))}`;
      exchange.send(says(307, '', { location }));
    },
  },
]);

const LOCATIONS: Readonly<Record<string, string | undefined>> = {
  none: undefined,
  'an empty one': '',
  'no URL': 'http://[',
  'another scheme': 'file:///etc/passwd',
  'plain HTTP': 'http://127.0.0.1:1/v1/secret/data/a',
  'another path': 'https://127.0.0.1:1/login',
  'a relative path': '/v1/secret/data/a',
  'a name with a password': 'https://user:password@127.0.0.1:1/v1/secret/data/a',
};
const redirects: readonly Fault[] = [301, 302, 307, 308].flatMap((status) =>
  Object.entries(LOCATIONS).map(([name, location]) => ({
    name: `a ${String(status)} to ${name}`,
    play: answer(says(status, '', location === undefined ? {} : { location })),
  })),
);
const loop: Fault = {
  name: 'a 307 to itself',
  play: ({ request, send }) => {
    const host = String(request.headers['host'] ?? request.headers[':authority']);
    const scheme = request.headers[':scheme'] === 'https' ? 'https' : 'http';
    send(says(307, '', { location: `${scheme}://${host}${String(request.headers['x-url'])}` }));
  },
};

/** The honest answer, otherwise packed. */
const encodings: readonly Fault[] = Object.entries({
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  'x-unknown': (body: Buffer) => body,
}).flatMap(([name, pack]): Fault[] => [
  {
    name: `an answer in ${name} that nobody asked for`,
    play: ({ lost, send }) => {
      const { status, headers, body } = lost();
      send({ status, headers: { ...headers, 'content-encoding': name }, body: pack(body) });
    },
  },
  {
    name: `an answer that calls itself ${name} and is not`,
    play: ({ lost, send }) => {
      const { status, headers, body } = lost();
      send({ status, headers: { ...headers, 'content-encoding': name }, body });
    },
  },
]);

const headerFaults: readonly Fault[] = [
  {
    name: 'no content type',
    kind: 'harmless',
    play: ({ honest, send }) => {
      send({ ...honest(), headers: {} });
    },
  },
  {
    name: 'the content type of text',
    kind: 'harmless',
    play: ({ honest, send }) => {
      send({ ...honest(), headers: { 'content-type': 'text/plain; charset=iso-8859-1' } });
    },
  },
  {
    name: 'a hundred headers',
    kind: 'harmless',
    play: ({ honest, send }) => {
      const { headers, ...rest } = honest();
      const more = Array.from({ length: 100 }, (_, at) => [`x-header-${String(at)}`, 'x'.repeat(20)]);
      send({ ...rest, headers: { ...headers, ...(Object.fromEntries(more) as Record<string, string>) } });
    },
  },
  {
    name: 'a header of 100 kB',
    play: ({ lost, send }) => {
      const { headers, ...rest } = lost();
      send({ ...rest, headers: { ...headers, 'x-long': 'x'.repeat(100_000) } });
    },
  },
  {
    name: 'an index header of odd text',
    kind: 'harmless',
    play: ({ honest, send }) => {
      const { headers, ...rest } = honest();
      send({ ...rest, headers: { ...headers, 'x-vault-index': 'odd "text" £' } });
    },
  },
];

/** The connection, and bytes of HTTP/1.1. */
const raw =
  (make: (exchange: Exchange) => string | Buffer, end: 'end' | 'destroy' | 'stay' = 'end') =>
  (exchange: Exchange): void => {
    const { socket } = exchange;
    socket.write(make(exchange), () => {
      if (end === 'end') socket.end();
      if (end === 'destroy') socket.destroy();
    });
  };
const head = (body: Buffer, length = body.length, status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${String(length)}\r\n\r\n`;

const connections: readonly Fault[] = [
  {
    name: 'a reset before the request is seen to',
    play: ({ socket }) => void socket.destroy(),
    kind: 'passing',
  },
  {
    name: 'a reset after the request was seen to',
    kind: 'passing',
    play: ({ lost, socket }) => {
      lost();
      socket.destroy();
    },
  },
  {
    name: 'a RST after the request was seen to',
    kind: 'passing',
    play: ({ lost, socket }) => {
      lost();
      socket.resetAndDestroy();
    },
  },
  { name: 'no answer at all', play: () => undefined },
  {
    name: 'no answer at all, and the work done',
    play: ({ lost }) => void lost(),
  },
];

const http1: readonly Fault[] = (
  [
    { name: 'a status line cut short', play: raw(() => 'HTTP/1.'), kind: 'passing' },
    { name: 'no HTTP', play: raw(() => '220 mail.example.com ESMTP\r\n') },
    { name: 'a document without headers', play: raw(({ lost }) => lost().body) },
    { name: 'an odd status', play: raw(() => 'HTTP/1.1 abc\r\n\r\n') },
    { name: 'a status of four digits', play: raw(() => 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}') },
    { name: 'headers cut short', play: raw(() => 'HTTP/1.1 200 OK\r\nContent-Ty'), kind: 'passing' },
    { name: 'headers without an end', play: raw(() => 'HTTP/1.1 200 OK\r\nContent-Type: x\r\n', 'stay') },
    {
      name: 'a NUL in a header',
      play: raw(() => 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n{}'),
    },
    {
      name: 'two lengths',
      play: raw(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}'),
    },
    {
      name: 'a length and chunks',
      play: raw(
        () =>
          'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
      ),
    },
    { name: 'a length that is none', play: raw(() => 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}') },
    {
      name: 'a length beyond all',
      play: raw(() => 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}'),
    },
    {
      name: 'a body cut short',
      kind: 'passing',
      play: raw(({ lost }) => {
        const { body } = lost();
        return Buffer.concat([Buffer.from(head(body)), body.subarray(0, body.length / 2)]);
      }),
    },
    {
      name: 'a body that stops',
      play: raw(({ lost }) => {
        const { body } = lost();
        return Buffer.concat([Buffer.from(head(body)), body.subarray(0, body.length / 2)]);
      }, 'stay'),
    },
    {
      name: 'a body longer than said',
      play: raw(({ lost }) => {
        const { body } = lost();
        return Buffer.concat([Buffer.from(head(body, Math.floor(body.length / 2))), body]);
      }),
    },
    {
      name: 'a chunk of odd size',
      play: raw(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n'),
    },
    {
      name: 'chunks without an end',
      play: raw(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n'),
      kind: 'passing',
    },
    {
      name: 'a body until the connection ends',
      play: raw(({ honest }) =>
        Buffer.concat([
          Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n'),
          honest().body,
        ]),
      ),
    },
    {
      name: 'a hundred answers of 100 before the answer',
      play: raw(({ honest }) => {
        const { body } = honest();
        return Buffer.concat([Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(100) + head(body)), body]);
      }),
    },
    {
      name: 'a 101',
      play: raw(() => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    },
    {
      name: 'an answer and another',
      play: raw(({ lost }) => {
        const { body } = lost();
        return `${head(body)}${body.toString()}HTTP/1.1 200 OK\r\n\r\n`;
      }),
    },
    {
      name: 'HTTP/2 where HTTP/1.1 was asked for',
      play: raw(() =>
        Buffer.from('00001204000000000000030000006400040000ffff00050000400000000408000000000000', 'hex'),
      ),
    },
    {
      name: 'a body that drips',
      play: ({ lost, socket }) => {
        const { body } = lost();
        socket.write(head(body));
        let at = 0;
        const timer = setInterval(() => socket.write(body.subarray(at, (at += 1))), 100);
        socket.once('close', () => {
          clearInterval(timer);
        });
      },
    },
  ] satisfies Fault[]
).map((fault: Fault) => ({ transports: REUSED, ...fault }));

/** https://www.rfc-editor.org/rfc/rfc9113#section-7 */
const CODES = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
};
const H2: readonly Transport[] = ['h2'];
const http2: readonly Fault[] = (
  [
    ...Object.entries(CODES).flatMap(([name, code]): Fault[] => [
      { name: `RST_STREAM ${name}`, play: ({ stream }) => stream?.close(code) },
      {
        name: `headers, then RST_STREAM ${name}`,
        play: ({ stream, lost }) => {
          lost();
          stream?.respond({ ':status': 200 });
          setImmediate(() => stream?.close(code));
        },
      },
      { name: `GOAWAY ${name}`, play: ({ stream }) => stream?.session?.goaway(code) },
      {
        name: `GOAWAY ${name}, and the end`,
        play: ({ stream }) => {
          stream?.session?.goaway(code);
          stream?.session?.destroy();
        },
      },
      {
        name: `GOAWAY ${name} that does not know the stream`,
        play: ({ stream, isLatest }) => {
          // One that came later has been seen to. Node takes 0 for the last one.
          const last = isLatest ? Math.max(1, (stream?.id ?? 1) - 2) : 0;
          stream?.session?.goaway(code, last);
          stream?.session?.destroy();
        },
      },
    ]),
    {
      name: 'half a body, then a reset',
      kind: 'passing',
      play: ({ stream, lost }) => {
        const { body } = lost();
        stream?.respond({
          ':status': 200,
          'content-type': 'application/json',
          'content-length': body.length,
        });
        stream?.write(body.subarray(0, body.length / 2), () => {
          stream.close(CODES.INTERNAL_ERROR);
        });
      },
    },
    {
      name: 'half a body, and nothing more',
      play: ({ stream, lost }) => {
        const { body } = lost();
        stream?.respond({ ':status': 200, 'content-type': 'application/json' });
        stream?.write(body.subarray(0, body.length / 2));
      },
    },
    {
      name: 'half a body that ends as if it were whole',
      kind: 'passing',
      play: ({ stream, lost }) => {
        const { body } = lost();
        stream?.respond({ ':status': 200, 'content-type': 'application/json' });
        stream?.end(body.subarray(0, body.length / 2));
      },
    },
    {
      name: 'trailers',
      kind: 'harmless',
      play: ({ stream, honest }) => {
        const { status, headers, body } = honest();
        // An answer without a body ends with its headers.
        const trailers = body.length > 0;
        stream?.respond(
          { ':status': status, ...headers },
          { waitForTrailers: trailers, endStream: !trailers },
        );
        if (!trailers) return;
        stream?.once('wantTrailers', () => {
          // It is wanted once more where the other side has ended the stream meanwhile.
          if (stream.sentTrailers === undefined) stream.sendTrailers({ 'x-trailer': 'x' });
        });
        stream?.end(body);
      },
    },
    {
      name: 'early hints',
      kind: 'harmless',
      play: ({ stream, honest, send }) => {
        stream?.additionalHeaders({ ':status': 103, link: '</x>; rel=preload' });
        send(honest());
      },
    },
    {
      name: 'settings that allow no stream, then silence',
      play: ({ stream }) => stream?.session?.settings({ maxConcurrentStreams: 0 }),
    },
    {
      name: 'settings that allow no stream, then an answer',
      play: ({ stream, honest, send }) => {
        stream?.session?.settings({ maxConcurrentStreams: 0 });
        send(honest());
      },
    },
    {
      name: 'settings that allow one stream, then an answer',
      kind: 'harmless',
      play: ({ stream, honest, send }) => {
        stream?.session?.settings({ maxConcurrentStreams: 1 });
        send(honest());
      },
    },
    {
      name: 'a window of nothing',
      play: ({ stream, honest, send }) => {
        stream?.session?.settings({ initialWindowSize: 0 });
        send(honest());
      },
    },
    {
      name: 'a session that ends after its answer',
      kind: 'harmless',
      play: ({ stream, honest, send }) => {
        send(honest());
        stream?.session?.close();
      },
    },
  ] satisfies Fault[]
).map((fault: Fault) => ({ transports: H2, ...fault }));

export const FAULTS: readonly Fault[] = [
  ...statuses,
  ...dialects,
  ...emptyStatuses,
  ...pages,
  ...retryAfters,
  ...bodies,
  ...commands,
  ...names,
  ...echoes,
  ...redirects,
  loop,
  ...encodings,
  ...headerFaults,
  ...connections,
  ...http1,
  ...http2,
];

/** Faults of connections before a request is there: the server's first words, or none. */
export const SOCKET_FAULTS: Readonly<Record<string, (socket: Socket) => void>> = {
  'a connection that ends at once': (socket) => void socket.destroy(),
  'a server that says nothing': () => undefined,
  'a server of another protocol': (socket) => void socket.write('220 mail.example.com ESMTP\r\n'),
  'bytes without sense': (socket) => void socket.write(Buffer.alloc(1000, 0xa5)),
  'an alert of TLS': (socket) =>
    void socket.once('data', () => socket.end(Buffer.from('15030300020228', 'hex'))),
  'a plain 400': (socket) =>
    void socket.once('data', () =>
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'),
    ),
};
