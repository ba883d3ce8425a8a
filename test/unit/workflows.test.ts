import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { load } from 'js-yaml';

const directory = join(import.meta.dirname, '../../.github/workflows');

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Readonly<
    Record<string, { readonly permissions?: unknown; readonly steps: readonly Step[] }>
  >;
}

const files = globSync('*.yml', { cwd: directory }).sort();
assert.deepEqual(files, ['ci.yml', 'release.yml']);

for (const file of files) {
  const text = readFileSync(join(directory, file), 'utf8');
  const { permissions, jobs } = load(text) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  test(`${file}: actions are pinned by their commits, with the version as a comment`, () => {
    const uses = text.split('\n').filter((line) => /^\s*-? ?uses:/.test(line));
    assert.equal(uses.length, steps.filter((step) => step.uses !== undefined).length);
    for (const line of uses) assert.match(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    // One version of each.
    const names = new Set(uses.map((line) => line.replace(/^\s*-? ?uses: /, '')));
    assert.equal(new Set([...names].map((name) => name.split('@')[0])).size, names.size);
  });

  test(`${file}: each job has the permissions that it needs, and none has secrets`, () => {
    assert.deepEqual(permissions, {});
    for (const [name, job] of Object.entries(jobs)) assert.ok(job.permissions !== undefined, name);
    assert.doesNotMatch(text, /\$\{\{[^}]*\bsecrets\b|pull_request_target|workflow_run/);
  });

  test(`${file}: what shells run is one line, without expressions`, () => {
    for (const { run } of steps) {
      if (run === undefined) continue;
      assert.doesNotMatch(run, /\n|\$\{\{/);
    }
  });
}
