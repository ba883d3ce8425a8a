import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** The one gate: everything that has to hold before a change lands, the tests last. */

const root = join(import.meta.dirname, '..');
const STEPS: readonly (readonly [what: string, ...command: string[]])[] = [
  ['formatting', 'prettier', '--check', '--log-level', 'warn', '.'],
  ['generated code', 'node', '.config/proto.ts', '--check'],
  ['types', 'tsc', '--project', '.'],
  ['lint', 'eslint', '--config', '.config/eslint.config.mjs', '--max-warnings', '0', '.'],
  ['Go', 'node', '.config/go.ts'],
  ['unused code', 'knip'],
  ['licences', 'node', '.config/licences.ts'],
  ['build', 'node', '.config/build.ts'],
  ['workflows and examples', 'node', '.config/linters.ts'],
  ['size budget', 'node', '.config/size.ts'],
  ['standalone binary', 'node', '.config/standalone.ts'],
  ['budget of work', 'node', '.config/cost.ts'],
  ['tests', 'node', '.config/test.ts', '--both'],
];

for (const [what, command = '', ...args] of STEPS) {
  console.log(`== ${what}`);
  const path = `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  if (status !== 0) {
    // The last line stays the tests' own when it was they that failed.
    if (what !== 'tests') console.log(`== ${what} failed\n0 passed, 1 failed`);
    process.exit(1);
  }
}
