import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { EXIT_CODES } from '../../src/base/errors.ts';
import { runCli } from '../support/cli.ts';
import { createWorkspace } from '../support/workspace.ts';

/**
 * Names that scripts may rely on, see STABILITY.md: more may come, and none of these may go or mean something else in a minor
 * version from 1.0 on. Before that, one that goes has a line under `Migrating` of the changelog.
 */

const root = join(import.meta.dirname, '../..');

const CODES = {
  ...{ internal: 1, usage: 2, config: 3, auth: 4, denied: 5, not_found: 6, template: 7, output: 8 },
  ...{ unavailable: 9, policy: 10, deadline: 124, not_executable: 126, no_command: 127 },
  ...{ hung_up: 129, interrupted: 130, quit: 131, terminated: 143 },
};
const REPORT = {
  ...{ vaultonce: 'string', status: 'string', exit_code: 'number', failures: 'array', duration_ms: 'number' },
  ...{ peak_memory_bytes: 'number', peak_memory_of: 'string', stages_ms: 'object' },
  ...{ requests: 'number', retries: 'number', bytes: 'number', secrets: 'array', reused: 'array' },
  ...{ outputs: 'array', pruned: 'array', kubernetes_secrets: 'array' },
};
const PLAN = {
  ...{ config: 'array', defaults: 'array', login: 'object', login_alternatives: 'array', secrets: 'array' },
  ...{ outputs: 'array', environment: 'array', variables: 'array', requests: 'object', timeout_ms: 'number' },
  origins: 'array',
};
const ABOUT = { version: 'string', runtime: 'object', target: 'string', features: 'object' };
const EVENTS = [
  ...['config_loaded', 'deprecated', 'request', 'retrying', 'waiting', 'logged_in', 'login_waits'],
  ...['token_revoked', 'token_kept', 'revoke_failed', 'token_renewed', 'token_lost', 'lease_renewed'],
  ...['token_tended'],
  ...['watching', 'secret_replaced', 'secret_stale', 'secret_recovered', 'handler_failed', 'config_reloaded'],
  ...['secret_fetched', 'secret_reused', 'secret_absent', 'server_warning', 'insecure', 'output_written'],
  ...['secret_applied', 'output_pruned', 'report_failed', 'finished', 'delivered', 'handed_over'],
  ...['not_masked', 'failed', 'run_failed'],
];
const METRICS = [
  ...['build_info', 'start_time_seconds', 'ready', 'secret_last_success_timestamp_seconds', 'secret_stale'],
  ...['secret_end_timestamp_seconds', 'secret_next_action_timestamp_seconds', 'secret_renewals_total'],
  ...['secret_rotations_total', 'logins_total', 'token_renewals_total', 'requests_total', 'writes_total'],
  ...['handlers_told_total', 'handler_failures_total', 'handlers_failing', 'command_restarts_total'],
  'errors_total',
];

describe('what scripts may rely on', () => {
  const workspace = createWorkspace();
  after(() => {
    workspace.remove();
  });

  const typesOf = (text: string, names: object): Readonly<Record<string, string>> => {
    const all = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const types = Object.keys(names).map((name) => {
      const value = all[name];
      return [name, Array.isArray(value) ? 'array' : typeof value] as const;
    });
    return Object.fromEntries(types);
  };

  test('exit codes', () => {
    const codes: Readonly<Record<string, number>> = EXIT_CODES;
    for (const [kind, code] of Object.entries(CODES)) assert.equal(codes[kind], code, kind);
    assert.equal(new Set(Object.values(codes)).size, Object.keys(codes).length);
  });

  test('fields of the report, of the plan and of `version`', async () => {
    const output = { path: workspace.path('out'), secret: 'db', key: 'password' };
    const config = {
      secrets: { db: 'secret/db' },
      outputs: [output],
      vault: { address: 'http://127.0.0.1:1' },
    };
    const file = workspace.write('vaultonce.yaml', JSON.stringify(config));
    const fixtures = workspace.write('fixtures.yaml', 'db: { password: x }\n');
    const report = await runCli(['render', '-c', file, '--fixtures', fixtures, '--report', '-']);
    assert.deepEqual(typesOf(report.stdout, REPORT), REPORT, report.stderr);
    assert.deepEqual(typesOf((await runCli(['check', '-c', file, '--json'])).stdout, PLAN), PLAN);
    assert.deepEqual(typesOf((await runCli(['version', '--json'])).stdout, ABOUT), ABOUT);
  });

  test('events of the log, and metrics', () => {
    const events = readFileSync(join(root, 'src/host/log-events.ts'), 'utf8');
    for (const name of EVENTS) assert.ok(events.includes(`event: '${name}'`), name);
    const metrics = ['metrics-text', 'prometheus-text']
      .map((name) => readFileSync(join(root, `src/watch/health/${name}.ts`), 'utf8'))
      .join('\n');
    for (const name of METRICS) assert.ok(metrics.includes(`'${name}'`), name);
  });
});
