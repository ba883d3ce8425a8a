import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { dump } from 'js-yaml';
import { startCli, type CliResult } from '../support/cli.ts';
import { until } from '../support/patience.ts';
import { startStandIn, type Answer, type SeenRequest } from '../support/stand-in.ts';
import { createWorkspace } from '../support/workspace.ts';

const LOGIN = 'auth/approle/login';
const RENEW_TOKEN = 'auth/token/renew-self';
const RENEW = 'sys/leases/renew';
/** Some renewals, reads and tries. */
const WATCHED_MS = 4000;
/** Of each secret or token, in that time: a server that answers anything is not asked without a pause. */
const MOST_REQUESTS = 30;

const ok = (body: object): Answer => ({ status: 200, body: { request_id: 'a', ...body } });

const login = (fields: object = {}): Answer =>
  ok({
    auth: { client_token: 'hvs.token', lease_duration: 3600, renewable: true, policies: [], ...fields },
  });

/** Short enough to be renewed and replaced meanwhile. */
const SHORT = { lease_duration: 2, renewable: true };

/** What comes in place of an answer. */
const JUNK: readonly (readonly [what: string, Answer])[] = [
  ['a page', { status: 200, text: '<html><body>Sign in</body></html>' }],
  ['nothing', { status: 200, text: '' }],
  ['half an answer', { status: 200, text: '{"request_id": "a", "lease_id": "data' }],
  ['null', { status: 200, text: 'null' }],
  ['a list', { status: 200, text: '[]' }],
  ['an empty object', { status: 200, text: '{}' }],
  ['no content', { status: 204 }],
  ['a broken connection', 'drop'],
  ['a long refusal', { status: 400, text: 'x'.repeat(100_000) }],
];

/** What a duration may be; timers take no more than 2^31 ms. */
const DURATIONS: readonly unknown[] = [-5, 0, 0.001, '2', null, 1e7, 1e12, 1e18, 1e300, true, {}, [2]];

/** A secret with a lease. */
interface Case {
  readonly what: string;
  /** Each time that it is read. */
  readonly read?: (nth: number, lease_id: string) => Answer;
  readonly renew?: Answer;
}

const lease = (nth: number, lease_id: string, fields: object = {}, data: object = {}): Answer =>
  ok({ lease_id, ...SHORT, data: { value: `value-${String(nth)}`, ...data }, ...fields });

const SECRETS: readonly Case[] = [
  ...JUNK.flatMap(([what, junk]): Case[] => [
    { what: `${what} for a renewal`, renew: junk },
    {
      what: `${what} for another secret`,
      read: (nth, id) => (nth === 1 ? lease(nth, id, { renewable: false }) : junk),
    },
  ]),
  ...DURATIONS.flatMap((lease_duration): Case[] => {
    const text = JSON.stringify(lease_duration);
    const plain = { lease_id: '' };
    return [
      { what: `a lease of ${text}`, read: (nth, id) => lease(nth, id, { lease_duration }) },
      {
        what: `a lease of ${text} that cannot be renewed`,
        read: (nth, id) => lease(nth, id, { lease_duration, renewable: false }),
      },
      { what: `a lease renewed for ${text}`, renew: ok({ ...SHORT, lease_duration }) },
      { what: `a ttl of ${text}`, read: (nth, id) => lease(nth, id, plain, { ttl: lease_duration }) },
      {
        what: `an expiration of ${text}`,
        read: (nth, id) => lease(nth, id, plain, { expiration: lease_duration }),
      },
      {
        what: `a static role with a ttl of ${text}`,
        read: (_nth, id) => lease(1, id, plain, { ttl: lease_duration, last_vault_rotation: 'x' }),
      },
    ];
  }),
];

const TOKENS: readonly (readonly [what: string, path: string, answer: Answer])[] = [
  ...JUNK.map(([what, junk]) => [`${what} for the renewal of the token`, RENEW_TOKEN, junk] as const),
  ...DURATIONS.flatMap((lease_duration) => {
    const text = JSON.stringify(lease_duration);
    return [
      [`a token of ${text}`, LOGIN, login({ lease_duration })] as const,
      [`a token renewed for ${text}`, RENEW_TOKEN, login({ lease_duration })] as const,
    ];
  }),
];

interface Own {
  readonly vault?: object;
  readonly watch?: object;
  /** Undefined: after `WATCHED_MS`. */
  readonly isOver?: (seen: readonly SeenRequest[]) => boolean;
}

interface Watched {
  readonly result: CliResult;
  readonly seen: readonly SeenRequest[];
  readonly wasAlive: boolean;
  readonly outputs: readonly string[];
}

describe('watch and a server that answers anything', { concurrency: 6 }, () => {
  const workspace = createWorkspace();
  after(() => {
    workspace.remove();
  });

  /** @param names of secrets, which are the last parts of their paths */
  const watched = async (
    id: string,
    names: readonly string[],
    answer: (request: SeenRequest, nth: number) => Answer,
    own: Own = {},
  ): Promise<Watched> => {
    const server = await startStandIn({ answer });
    const config = workspace.write(
      `${id}.yaml`,
      dump({
        vault: { address: server.address, ...own.vault },
        auth: { method: 'approle', role_id: 'a', secret_id: 'b' },
        secrets: Object.fromEntries(names.map((name) => [name, { path: `x/${name}`, engine: 'raw' }])),
        outputs: names.map((name) => ({ path: name, contents: `{{${name}.value}}` })),
        output: { directory: workspace.path(id) },
        timeout: '10s',
        watch: { settle: 0, refresh: '2s', ...own.watch },
      }),
    );
    const running = startCli(['watch', '-c', config], { killAfterMs: 40_000 });
    await Promise.race([running.stderrMatches(/"event":"watching"/), running.done]);
    const { isOver } = own;
    await (isOver === undefined ? delay(WATCHED_MS) : until('what is watched', () => isOver(server.seen)));
    const wasAlive = running.child.exitCode === null && running.child.signalCode === null;
    const seen = [...server.seen];
    running.child.kill('SIGTERM');
    const result = await running.done;
    await server.stop();
    assert.ok(wasAlive, result.stderr);
    assert.equal(result.code, 0, result.stderr);
    // A runtime warns of timers that overflow, among others.
    for (const line of result.stderr.split('\n').filter((text) => text !== '')) {
      assert.match(line, /^\{"time":/);
      assert.doesNotMatch(line, /"kind":"internal"|NaN|Infinity|undefined/);
    }
    return { result, seen, wasAlive, outputs: names.map((name) => workspace.read(`${id}/${name}`)) };
  };

  test('secrets: each fault stays its own, is told, and is no reason to ask without a pause', async () => {
    const names = SECRETS.map((_, index) => `s${String(index)}`);
    const caseOf = (name = ''): Case | undefined => SECRETS[names.indexOf(name)];
    const nameIn = (text: string): string => /\bs\d+\b/.exec(text)?.[0] ?? '';
    const { result, seen, outputs } = await watched('secrets', names, ({ path, body }, nth) => {
      if (path === LOGIN || path === RENEW_TOKEN) return login();
      if (path === RENEW) return caseOf(nameIn(body))?.renew ?? ok({ ...SHORT });
      const name = nameIn(path);
      return path.startsWith('x/') ? (caseOf(name)?.read ?? lease)(nth, name) : { status: 204 };
    });
    assert.deepEqual(
      outputs.filter((text) => !text.startsWith('value-')),
      [],
    );
    for (const [index, { what }] of SECRETS.entries()) {
      const name = names[index] ?? '';
      const own = seen.filter(({ path, body }) => nameIn(path.startsWith('x/') ? path : body) === name);
      assert.ok(own.length <= MOST_REQUESTS, `${what}: ${String(own.length)} requests`);
      const told = result.stderr.split('\n').filter((line) => line.includes(`"names":["${name}"]`));
      const isStale = told.some((line) => line.includes('"event":"secret_stale"'));
      if (what.endsWith('for another secret')) assert.ok(isStale, what);
      if (what.endsWith('for a renewal'))
        assert.ok(isStale || told.some((line) => line.includes('"event":"lease_not_renewed"')), what);
    }
  });

  for (const [index, [what, path, answer]] of TOKENS.entries()) {
    test(what, async () => {
      const { result, seen, outputs } = await watched(`token-${String(index)}`, ['s'], (request, nth) => {
        if (request.path === path) return answer;
        if (request.path === LOGIN) return login(path === RENEW_TOKEN ? SHORT : {});
        if (request.path === RENEW_TOKEN) return login();
        return request.path === 'x/s' ? lease(nth, 's', { lease_duration: 3600 }) : { status: 204 };
      });
      assert.match(outputs.join(), /^value-\d+$/);
      assert.ok(seen.length <= MOST_REQUESTS, `${String(seen.length)} requests: ${result.stderr}`);
    });
  }

  test('a login that is refused is told once, also where the token can now and then not be renewed meanwhile', async () => {
    const answer = ({ path }: SeenRequest, nth: number): Answer => {
      if (path === LOGIN)
        return nth === 1 ? login() : { status: 400, body: { errors: ['invalid secret ID'] } };
      if (path === RENEW_TOKEN) return nth % 2 === 0 ? { status: 503 } : login();
      return path === 'x/s' ? lease(nth, 's', { lease_duration: 3600 }) : { status: 204 };
    };
    const isOver = (seen: readonly SeenRequest[]): boolean =>
      seen.filter(({ path }) => path === RENEW_TOKEN).length >= 4;
    // It is never as long as it should be, so that another login is needed.
    const watch = { rotate_at: '0.01%' };
    const { result } = await watched('refused', ['s'], answer, { vault: { max_retries: 0 }, watch, isOver });
    assert.equal(result.stderr.match(/"event":"token_not_replaced"/g)?.length, 1, result.stderr);
  });
});
