import { copyFileSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { writeChecksums } from './release-files.ts';

/** Adds the bills of materials of the images to a release, and to its checksums: `release-bills.ts RELEASE IMAGES`. */

const [release, images] = process.argv.slice(2);
if (release === undefined || images === undefined) {
  console.error('usage: release-bills.ts RELEASE IMAGES');
  process.exit(2);
}
const bills = globSync('*.cdx.json', { cwd: images });
if (bills.length === 0) throw new Error(`${images} has no bill of materials`);
for (const name of bills) copyFileSync(join(images, name), join(release, name));
writeChecksums(release);
