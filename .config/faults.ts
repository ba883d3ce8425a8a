import { createWorkspace } from '../test/support/workspace.ts';
import { allCases, sampleOf, type Case } from '../test/faults/matrix/cases.ts';
import { createMatrixCertificates, violationsOf } from '../test/faults/matrix/run-case.ts';

/**
 * Runs the matrix of faults, and prints only what a run did that no run may do. Arguments are parts of the names of cases, all of which
 * have to be there; `--sample N` takes N of them, `--seed S` others, `--list` only names them. `$VAULTONCE_BIN` names another program.
 */

const TIMES_ALONE = 5;

const args = process.argv.slice(2);
const numberAfter = (flag: string, otherwise: number): number => {
  const at = args.indexOf(flag);
  return at === -1 ? otherwise : Number(args.splice(at, 2)[1]);
};
const seed = numberAfter('--seed', 1);
const count = numberAfter('--sample', Infinity);
const atOnce = numberAfter('--at-once', 4);
const onlyList = args.includes('--list');
const parts = args.filter((arg) => !arg.startsWith('--'));

const cases = sampleOf(
  allCases().filter(({ name }) => parts.every((part) => name.includes(part))),
  count,
  seed,
);
if (onlyList) for (const { name } of cases) console.log(name);
else {
  const workspace = createWorkspace();
  const certificates = await createMatrixCertificates(workspace.root);
  const broken: Case[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let one = cases[next++]; one !== undefined; one = cases[next++])
        if ((await violationsOf(one, certificates)).length > 0) broken.push(one);
    }),
  );
  // Runs have two seconds, which may pass on a busy machine: so what is broken is run again, alone, and must not be broken once.
  let failed = 0;
  for (const one of broken) {
    const violations: string[] = [];
    for (let time = 0; time < TIMES_ALONE; time += 1)
      violations.push(...(await violationsOf(one, certificates)));
    if (violations.length > 0) failed += 1;
    else console.log(`${one.name}\n    only while other cases ran`);
    for (const violation of new Set(violations)) console.log(`${one.name}\n    ${violation}`);
  }
  workspace.remove();
  console.log(`${String(cases.length - failed)} passed, ${String(failed)} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
