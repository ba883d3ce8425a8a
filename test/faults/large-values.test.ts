import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runCli } from '../support/cli.ts';
import { startStandIn, type StandIn } from '../support/stand-in.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** More than a real server takes in one value. */
describe('values of many megabytes', () => {
  let standIn: StandIn;
  let workspace: Workspace;
  before(async () => {
    workspace = createWorkspace();
    const lines = Array.from({ length: 900_000 }, (_, index) => `line ${String(index)}!`).join('\n');
    standIn = await startStandIn({
      answer: () => ({ status: 200, body: { request_id: '1', data: { lines } } }),
    });
  });
  after(async () => {
    workspace.remove();
    await standIn.stop();
  });

  test('124: masking ends with the timeout, and nothing is handed over', async () => {
    const result = await runCli(
      [
        'env',
        '--address',
        standIn.address,
        '--timeout',
        '1s',
        '--secret',
        's=cubbyhole/x',
        '--env',
        'L=s#lines',
      ],
      {
        env: {
          VAULT_TOKEN: 'x',
          GITHUB_ACTIONS: 'true',
          GITHUB_ENV: workspace.write('github-env', ''),
        },
      },
    );
    assert.equal(result.code, 124, result.stderr.slice(-500));
    assert.equal(workspace.read('github-env'), '');
  });
});
