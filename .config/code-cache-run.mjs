// Runs the bundle as bin does, and writes its code cache when the run is over.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const bundle = new URL('../dist/vaultonce.js', import.meta.url);
const source = readFileSync(bundle, 'latin1');
const script = new Script(source, { filename: fileURLToPath(bundle) });
process.on('exit', (code) => {
  if (code !== 0) return;
  // The mark that the bundle ends in: bin takes no cache of another build.
  const cache = Buffer.concat([script.createCachedData(), Buffer.from(source.slice(-16))]);
  writeFileSync(new URL('../dist/vaultonce.cache', import.meta.url), cache);
});
script.runInThisContext()(process.getBuiltinModule, { exports: {} }, {});
