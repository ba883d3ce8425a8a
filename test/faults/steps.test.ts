import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { dump } from 'js-yaml';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';
import { STEP_HOOK } from '../support/step-hook.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** A set of outputs, and how it may look from outside. */
interface Layout {
  readonly name: string;
  readonly config: (directory: string) => object;
  /** Whether a run that is killed may leave some files old and some new. */
  readonly mayMix: boolean;
  /** What is there for good, and no run's to remove. */
  readonly own: RegExp;
}

const outputs = [
  { path: 'a.txt', contents: '{{s.a}}' },
  { path: 'deep/b.json', format: 'json', secret: 's' },
  { path: 'keys/', format: 'files', secret: 's' },
];
const LAYOUTS: readonly Layout[] = [
  {
    name: 'files',
    config: (directory) => ({ secrets: { s: 'secret/s' }, outputs, output: { directory } }),
    mayMix: true,
    own: /^$/,
  },
  {
    name: 'a pruned directory',
    config: (directory) => ({ secrets: { s: 'secret/s' }, outputs, output: { directory, prune: true } }),
    mayMix: true,
    own: /^\.vaultonce-manifest/,
  },
  {
    name: 'a swapped directory',
    config: (directory) => ({ secrets: { s: 'secret/s' }, outputs, output: { directory, swap: true } }),
    mayMix: false,
    own: /^\.\.(?:data|vaultonce)/,
  },
];

/** What the kernel says, in turns: each step meets one of them. */
const ERRORS: readonly string[] = ['EIO', 'ENOSPC', 'EPERM', 'EDQUOT', 'EROFS'];
/** More than any run takes. */
const MOST_STEPS = 400;

for (const layout of LAYOUTS) {
  describe(`each step of writing ${layout.name}`, { concurrency: 2 }, () => {
    let workspace: Workspace;
    before(async () => {
      workspace = createWorkspace();
      const first = await new Place(workspace, 'first', layout).render('old');
      assert.equal(first.code, 0, first.stderr);
    });
    after(() => {
      workspace.remove();
    });

    /** A place of its own for each step, in which a first run was complete. */
    const begin = (name: string): Place => {
      const place = new Place(workspace, name, layout);
      execFileSync('cp', ['-a', workspace.path('first/out'), workspace.path(name)]);
      return place;
    };

    test('killed: every file is whole, and the next run heals', async () => {
      for (let at = 1; ; at += 1) {
        const place = begin(`kill-${String(at)}`);
        const old = place.visible();
        const killed = await place.render('new', { at, action: 'SIGKILL' });
        if (killed.code === 0) break;
        assert.ok(at < MOST_STEPS);
        const between = place.visible();
        const healed = await place.render('new');
        assert.equal(healed.code, 0, `${place.step(at)}: ${healed.stderr}`);
        const whole = place.visible();
        for (const [path, content] of Object.entries(between))
          assert.ok(content === old[path] || content === whole[path], `${place.step(at)}: ${path} is torn`);
        if (!layout.mayMix)
          assert.ok(
            [old, whole].some((set) => JSON.stringify(set) === JSON.stringify(between)),
            `${place.step(at)}: old and new files are mixed`,
          );
        assert.deepEqual(place.leftovers(), [], place.step(at));
      }
    });

    test('told to end: all or nothing, and nothing is left behind', async () => {
      for (let at = 1; ; at += 1) {
        const place = begin(`end-${String(at)}`);
        const old = place.visible();
        const ended = await place.render('new', { at, action: 'SIGTERM' });
        if (place.steps() < at) break;
        const now = place.visible();
        if (ended.code === 143) assert.deepEqual(now, old, place.step(at));
        else {
          assert.equal(ended.code, 0, `${place.step(at)}: ${ended.stderr}`);
          assert.notDeepEqual(now, old, place.step(at));
        }
        assert.deepEqual(place.leftovers(), [], place.step(at));
      }
    });

    test('refused: exit 8, and nothing has changed', async () => {
      for (let at = 1; ; at += 1) {
        const place = begin(`refuse-${String(at)}`);
        const old = place.visible();
        const failed = await place.render('new', { at, action: ERRORS[at % ERRORS.length] ?? '' });
        if (place.steps() < at) break;
        const step = `${String(at)}. ${place.step(at)}: ${failed.stderr}`;
        assert.ok([0, 8].includes(failed.code ?? -1), step);
        if (failed.code === 8) {
          assert.deepEqual(place.visible(), old, step);
          assert.ok(
            failuresOf(failed).every(({ hint }) => hint !== undefined),
            step,
          );
        } else assert.notDeepEqual(place.visible(), old, step);
        // What cannot be removed stays, is told or found by the next run.
        if (/^(?:unlink|rm|rmdir)Sync/.test(place.step(at))) {
          assert.equal((await place.render('new')).code, 0, step);
        }
        assert.deepEqual(place.leftovers(), [], step);
      }
    });
  });
}

class Place {
  readonly #workspace: Workspace;
  readonly #name: string;
  readonly #layout: Layout;

  constructor(workspace: Workspace, name: string, layout: Layout) {
    this.#workspace = workspace;
    this.#name = name;
    this.#layout = layout;
    workspace.write(`${name}/vaultonce.yaml`, dump(layout.config(workspace.path(name, 'out'))));
    for (const age of ['old', 'new'])
      workspace.write(`${name}/${age}.yaml`, dump({ s: { a: `${age} a`, b: `${age} b`, [age]: age } }));
    workspace.write('hook.cjs', STEP_HOOK);
  }

  async render(
    age: string,
    fault: { readonly at: number; readonly action: string } = { at: 0, action: '' },
  ): Promise<CliResult> {
    const log = this.#workspace.write(`${this.#name}/steps`, '');
    const root = this.#workspace.path(this.#name, 'out');
    const args = ['render', '-c', this.#workspace.path(this.#name, 'vaultonce.yaml')];
    return runCli([...args, '--fixtures', this.#workspace.path(this.#name, `${age}.yaml`)], {
      env:
        fault.at === 0
          ? {}
          : {
              NODE_OPTIONS: `--require ${this.#workspace.path('hook.cjs')}`,
              VAULTONCE_TEST_STEPS: JSON.stringify({ root, log, ...fault }),
            },
    });
  }

  /** How many steps the last run took. */
  steps(): number {
    return this.#taken().length;
  }

  step(at: number): string {
    return this.#taken()[at - 1] ?? 'no step';
  }

  #taken(): string[] {
    return this.#workspace
      .read(`${this.#name}/steps`)
      .split('\n')
      .filter((line) => line !== '');
  }

  /** Content of what an application sees, by path. */
  visible(): Record<string, string> {
    const directory = `${this.#name}/out`;
    return Object.fromEntries(
      ['a.txt', 'deep/b.json', 'keys/a', 'keys/b', 'keys/old', 'keys/new'].flatMap((path) => {
        try {
          return [[path, this.#workspace.read(`${directory}/${path}`)]];
        } catch {
          return [];
        }
      }),
    );
  }

  /** Hidden names that a run has left behind. */
  leftovers(): string[] {
    const names = this.#workspace.list(`${this.#name}/out`);
    const data = names.filter((name) => /^\.\.[^/]*$/.test(name) && name !== '..data');
    return names
      .filter((name) => /(?:^|\/)\.vaultonce-/.test(name) && !this.#layout.own.test(name))
      .concat(data.length > 1 ? data : []);
  }
}
