import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Admission, Review } from './cel-policies.ts';
import type { Needs } from './needs.ts';

export const ADMISSION_SOURCE = join(import.meta.dirname, 'admission');

/** The program that evaluates policies with the code of the API server: `npm run admission` builds it. */
export const ADMISSION_PROGRAM = join(import.meta.dirname, '../../.cache', `admission-${version()}`);

function version(): string {
  const hash = createHash('sha256');
  for (const name of ['main.go', 'go.sum']) hash.update(readFileSync(join(ADMISSION_SOURCE, name)));
  return hash.digest('hex').slice(0, 12);
}

export function needsAdmissionCode(): Needs {
  return {
    skip: !existsSync(ADMISSION_PROGRAM) && 'needs the admission code of Kubernetes: npm run admission',
  };
}

/** The outcome of each review, in their order. */
export function admitByServerCode(reviews: readonly Review[]): Admission[] {
  const { status, stdout, stderr } = spawnSync(ADMISSION_PROGRAM, {
    input: reviews.map((review) => `${JSON.stringify(review)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`it ended with ${String(status)}: ${stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Admission);
}
