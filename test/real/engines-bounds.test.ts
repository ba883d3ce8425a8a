import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { nodeOf, OLDEST_NODES } from '../../.config/oldest-nodes.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { startApp, type TestApp } from '../support/app.ts';
import { needsNode } from '../support/needs.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const BIN = join(import.meta.dirname, '../../bin/vaultonce.mjs');

describe('the oldest Node that package.json allows', () => {
  let app: TestApp;
  let workspace: Workspace;
  before(async () => {
    app = await startApp({ tls: true });
    await app.putKv2('web/db', { password: 'p=1', count: 1 });
    await app.putKv2('web/api', { key: 'k' });
    workspace = createWorkspace();
  });
  after(async () => {
    workspace.remove();
    await app.stop();
  });

  test('is named by each of its ranges', () => {
    assert.equal(packageJson.engines.node.split('||').length, OLDEST_NODES.length);
    assert.ok(OLDEST_NODES.length > 0);
  });

  for (const version of OLDEST_NODES) {
    describe(version, needsNode(version), () => {
      const run = async (...args: readonly string[]): Promise<string> => {
        const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' };
        const { stdout } = await promisify(execFile)(nodeOf(version), [BIN, ...args], {
          env,
          cwd: workspace.root,
        });
        return stdout;
      };

      test('starts the program, without the code cache of another one', async () => {
        const { runtime } = JSON.parse(await run('version', '--json')) as { readonly runtime: object };
        assert.deepEqual(runtime, { name: 'node', version });
        assert.match(await run('schema'), /draft\/2020-12/);
      });

      for (const wire of ['plain', 'tls'] as const) {
        test(`does the main job: ${wire}`, async () => {
          const directory = workspace.path(version, wire);
          const config = {
            vault:
              wire === 'plain'
                ? { address: app.server.address }
                : { address: app.server.tlsAddress, tls: { ca_cert: app.server.certificates.caFile } },
            auth: app.auth,
            secrets: { db: 'secret/web/db', api: 'secret/web/api' },
            outputs: [
              { path: 'db.json', format: 'json', secret: 'db' },
              { path: 'all.yaml', format: 'yaml', secret: ['db', 'api'] },
              {
                path: 'text',
                contents: '{{db.password}} {{#api.@entries}}{{key}}={{value}}{{/api.@entries}}',
              },
              { path: 'files/', format: 'files', secret: 'api' },
            ],
            environment: { PASSWORD: 'db#password' },
            output: { directory },
          };
          const file = workspace.write(`${version}-${wire}.json`, JSON.stringify(config));
          await run('render', '-c', file);
          assert.equal(workspace.read(`${version}/${wire}/text`), 'p=1 key=k');
          // Numbers keep their digits by what these versions are the first to have.
          assert.deepEqual(JSON.parse(workspace.read(`${version}/${wire}/db.json`)), {
            count: 1,
            password: 'p=1',
          });
          assert.equal(workspace.mode(`${version}/${wire}/files/key`), '0400');
          assert.equal(await run('exec', '-c', file, '--', 'printenv', 'PASSWORD'), 'p=1\n');
          assert.equal(await app.server.tokensLeft(), 0);
        });
      }
    });
  }
});
