import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createWorkspace, type Workspace } from '../support/workspace.ts';
import { allCases, sampleOf } from './matrix/cases.ts';
import { createMatrixCertificates, violationsOf, type MatrixCertificates } from './matrix/run-case.ts';

/** Some of the matrix, always the same: `npm run faults` runs the whole. */
const SAMPLE = 240;
const SEED = 20_261_126;

describe('whatever the network does, in a sample', { concurrency: 3 }, () => {
  let workspace: Workspace;
  let certificates: MatrixCertificates;
  before(async () => {
    workspace = createWorkspace();
    certificates = await createMatrixCertificates(workspace.root);
  });
  after(() => {
    workspace.remove();
  });
  for (const one of sampleOf(allCases(), SAMPLE, SEED))
    test(one.name, async () => {
      assert.deepEqual(await violationsOf(one, certificates), []);
    });
});
