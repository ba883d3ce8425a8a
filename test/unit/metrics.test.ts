import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { answerTo } from '../../src/watch/health/health-answer.ts';
import { checkHealthAddress, parseHealthAddress } from '../../src/watch/health/health-address.ts';
import type { HealthStatus, SecretHealth } from '../../src/watch/health/health-status.ts';
import { metricsText } from '../../src/watch/health/metrics-text.ts';
import { watchPages } from '../../src/watch/health/watch-pages.ts';
import { prometheusParser, readMetrics } from '../support/prometheus.ts';

const SECRET: SecretHealth = {
  name: 'db',
  isStale: false,
  lastSuccessAtS: 1_800_000_000.25,
  endsAtS: 1_800_003_600,
  nextAtS: 1_800_002_400.5,
  nextAction: 'renew',
  renewals: 3,
  rotations: 2,
};

const STATUS: HealthStatus = {
  isAlive: true,
  isReady: true,
  startedAtS: 1_799_999_999.5,
  secrets: [
    SECRET,
    { ...SECRET, name: 'api', isStale: true, endsAtS: undefined, nextAction: 'fetch' },
    { ...SECRET, name: 'old', lastSuccessAtS: undefined, nextAtS: undefined },
  ],
  failingHandlers: ['SIGHUP to nginx'],
  counts: {
    logins: 2,
    tokenRenewals: 7,
    requests: 41,
    writes: 5,
    handlersTold: 4,
    handlerFailures: 9,
    restarts: 1,
    errors: new Map([
      ['denied', 2],
      ['unavailable', 6],
    ]),
  },
};

describe('metrics, as the parser of Prometheus reads them', () => {
  let parser = '';
  before(async () => {
    parser = await prometheusParser();
  });

  test('every number, with its type and its labels', () => {
    const samples = readMetrics(parser, [metricsText(STATUS)]);
    const told = samples.map(({ name, labels, value }) => [name.replace('vaultonce_', ''), labels, value]);
    assert.deepEqual(told.slice(1), [
      ['start_time_seconds', {}, 1_799_999_999.5],
      ['ready', {}, 1],
      ['secret_last_success_timestamp_seconds', { secret: 'db' }, 1_800_000_000.25],
      ['secret_last_success_timestamp_seconds', { secret: 'api' }, 1_800_000_000.25],
      ['secret_end_timestamp_seconds', { secret: 'db' }, 1_800_003_600],
      ['secret_end_timestamp_seconds', { secret: 'old' }, 1_800_003_600],
      ['secret_next_action_timestamp_seconds', { secret: 'db', action: 'renew' }, 1_800_002_400.5],
      ['secret_next_action_timestamp_seconds', { secret: 'api', action: 'fetch' }, 1_800_002_400.5],
      ['secret_stale', { secret: 'db' }, 0],
      ['secret_stale', { secret: 'api' }, 1],
      ['secret_stale', { secret: 'old' }, 0],
      ...['db', 'api', 'old'].map((secret) => ['secret_renewals_total', { secret }, 3]),
      ...['db', 'api', 'old'].map((secret) => ['secret_rotations_total', { secret }, 2]),
      ['logins_total', {}, 2],
      ['token_renewals_total', {}, 7],
      ['requests_total', {}, 41],
      ['writes_total', {}, 5],
      ['handlers_told_total', {}, 4],
      ['handler_failures_total', {}, 9],
      ['handlers_failing', {}, 1],
      ['command_restarts_total', {}, 1],
      ['errors_total', { kind: 'denied' }, 2],
      ['errors_total', { kind: 'unavailable' }, 6],
    ]);
    assert.deepEqual(Object.keys(samples[0]?.labels ?? {}), ['version', 'runtime']);
    for (const { name, type, help } of samples) {
      assert.equal(type, name.endsWith('_total') ? 'counter' : 'gauge', name);
      assert.match(help, /\.$/, name);
    }
  });

  test('rules of promtool lint: a unit for times, `_total` for counters alone, each family once', () => {
    const text = metricsText(STATUS);
    const families = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
      name,
      type,
    }));
    assert.equal(new Set(families.map(({ name }) => name)).size, families.length);
    for (const { name, type } of families) {
      assert.match(name, /^vaultonce_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      assert.doesNotMatch(name, /(?:_count|_sum|_bucket|_ms|_minutes)$/);
    }
    assert.ok(text.endsWith('\n') && !text.includes('undefined') && !text.includes('NaN'));
  });

  test('without a command, secrets or errors nothing is said of them', () => {
    const counts = { ...STATUS.counts, restarts: undefined, errors: new Map() };
    const names = readMetrics(parser, [metricsText({ ...STATUS, secrets: [], counts })]).map(
      ({ name }) => name,
    );
    assert.ok(names.every((name) => !/secret|command|errors/.test(name)));
    assert.ok(names.includes('vaultonce_requests_total'));
  });

  test('any name survives as a label', () => {
    const character = fc.oneof(
      fc.constantFrom('\\', '"', '\n', '\r', '{', '}', ',', '=', '#', ' ', 'n', '\t'),
      fc.string({ unit: 'grapheme' }),
    );
    const name = fc.array(character, { maxLength: 12 }).map((parts) => parts.join(''));
    const names = fc.sample(name, 200);
    const texts = names.map((one) => metricsText({ ...STATUS, secrets: [{ ...SECRET, name: one }] }));
    const read = readMetrics(parser, texts).filter((sample) => sample.name === 'vaultonce_secret_stale');
    assert.deepEqual(
      read.map(({ labels }) => labels['secret']),
      names,
    );
  });
});

describe('what is asked of health', () => {
  const ask = (target: string, status: Partial<HealthStatus> = {}, method = 'GET') =>
    answerTo(
      method,
      target,
      watchPages(() => ({ ...STATUS, ...status })),
    );
  const asked = (...args: Parameters<typeof ask>): readonly [number, string] => {
    const { status, text } = ask(...args);
    return [status, text];
  };

  test('livez and readyz', () => {
    assert.deepEqual(asked('/livez'), [200, 'alive\n']);
    assert.deepEqual(asked('/livez', { isAlive: false }), [503, 'not alive\n']);
    assert.deepEqual(asked('/readyz'), [200, 'ready\n']);
    assert.deepEqual(asked('/readyz?verbose'), [200, 'ready\n']);
    assert.deepEqual(asked('/readyz', { isReady: false }), [503, 'not ready\n']);
    assert.deepEqual(asked('/readyz?strict', { isReady: false }), [503, 'not ready\n']);
    assert.deepEqual(asked('/readyz?strict'), [503, 'stale: api\nfailing: SIGHUP to nginx\n']);
    assert.deepEqual(asked('/readyz?strict', { secrets: [SECRET], failingHandlers: [] }), [200, 'ready\n']);
  });

  test('anything else', () => {
    for (const target of [
      '/',
      '/livez/',
      '/LIVEZ',
      '//livez',
      '*',
      '',
      '/constructor',
      '/__proto__',
      'http://[',
      '/metrics%00',
    ])
      assert.equal(ask(target).status, 404, target);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'get'])
      assert.deepEqual(
        [ask('/livez', {}, method).status, ask('/livez', {}, method).allow],
        [405, 'GET, HEAD'],
        method,
      );
    assert.equal(ask('/metrics', {}, 'HEAD').status, 200);
  });

  test('addresses', () => {
    const port = (host: string | undefined, number: number) => ({ kind: 'port', host, port: number });
    assert.deepEqual(parseHealthAddress('127.0.0.1:9102'), port('127.0.0.1', 9102));
    assert.deepEqual(parseHealthAddress(':9102'), port(undefined, 9102));
    assert.deepEqual(parseHealthAddress('[::1]:1'), port('::1', 1));
    assert.deepEqual(parseHealthAddress('localhost:65535'), port('localhost', 65_535));
    assert.deepEqual(parseHealthAddress('unix:///run/health.sock'), {
      kind: 'socket',
      path: '/run/health.sock',
    });
    const bad = [
      '',
      '9102',
      ':0',
      ':65536',
      ':x',
      '::1:80',
      '[::1]',
      'http://x:80',
      'a b:80',
      'unix:/run/x',
      'unix://run',
      'unix:///run/',
      `unix:///${'x'.repeat(98)}`,
      'unix:///a\0b',
    ];
    for (const text of bad) {
      assert.equal(parseHealthAddress(text), undefined, text);
      assert.equal(checkHealthAddress(text, 'w')[0]?.kind, 'config');
    }
    assert.deepEqual(checkHealthAddress(`unix:///${'x'.repeat(97)}`, 'w'), []);
  });
});
