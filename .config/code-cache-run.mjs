// Runs the bundle as bin does, and writes its code cache when the run is over.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const bundle = new URL('../dist/vaultonce.js', import.meta.url);
const script = new Script(readFileSync(bundle, 'latin1'), { filename: fileURLToPath(bundle) });
process.on('exit', (code) => {
  if (code === 0)
    writeFileSync(new URL('../dist/vaultonce.cache', import.meta.url), script.createCachedData());
});
script.runInThisContext()(process.getBuiltinModule, { exports: {} }, {});
