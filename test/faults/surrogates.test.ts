import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';
import { startStandIn, type StandIn } from '../support/stand-in.ts';

/** A real server replaces half of a surrogate pair when it is stored. */
describe('half of a surrogate pair is refused or escaped, never replaced', () => {
  let standIn: StandIn;
  before(async () => {
    standIn = await startStandIn({
      answer: () => ({ status: 200, body: { request_id: '1', data: { text: 'a\ud800 text' } } }),
    });
  });
  after(() => standIn.stop());

  const run = (command: string, ...args: readonly string[]): Promise<CliResult> =>
    runCli([command, '--address', standIn.address, '--secret', 's=cubbyhole/x', ...args], {
      env: { VAULT_TOKEN: 'x', GITHUB_ACTIONS: 'true', GITHUB_ENV: '/dev/null' },
    });

  test('`read` refuses it, and escapes it in JSON', async () => {
    const plain = await run('read', 's#text');
    assert.equal(plain.code, 8);
    assert.equal(plain.stdout, '');
    assert.match(failuresOf(plain)[0]?.hint ?? '', /--json/);
    const escaped = await run('read', 's#text', '--json');
    assert.equal(escaped.code, 0, escaped.stderr);
    assert.deepEqual(JSON.parse(escaped.stdout), { 's#text': 'a\ud800 text' });
    assert.doesNotMatch(escaped.stdout + escaped.stderr, /\ufffd/);
    assert.match(escaped.stderr, /^::add-mask::a\\ud800 text$/m);
  });

  test('`env` and `exec` refuse it', async () => {
    for (const args of [['env'], ['exec']] as const) {
      const command = args[0] === 'exec' ? ['--', 'true'] : [];
      const result = await run(args[0], '--env', 'T=s#text', ...command);
      assert.equal(result.code, 8);
      assert.match(failuresOf(result)[0]?.message ?? '', /not valid Unicode/);
    }
  });
});
