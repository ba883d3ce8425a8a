import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { root } from './paths.ts';

/**
 * Writes the code of the messages anew that the `.proto` files describe: `node .config/proto.ts`. With `--check` it only says
 * whether what is committed belongs to them.
 */

const PROTOCOL = join(root, 'src/csi/protocol/proto');

/** What is made of each file, and how: https://github.com/stephenh/ts-proto#supported-options */
const OPTIONS = [
  'outputServices=grpc-js',
  'outputClientImpl=false',
  'outputJsonMethods=false',
  'outputPartialMethods=false',
  'enumsAsLiterals=true',
  'unrecognizedEnum=false',
  'useReadonlyTypes=true',
  'esModuleInterop=true',
  'fileSuffix=.pb',
];

function generate(directory: string): void {
  const template = {
    version: 'v2',
    inputs: [{ directory: PROTOCOL }],
    plugins: [{ local: 'protoc-gen-ts_proto', out: directory, opt: OPTIONS }],
  };
  const bin = join(root, 'node_modules/.bin');
  execFileSync(join(bin, 'buf'), ['generate', '--template', JSON.stringify(template)], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
  });
}

/** The code in a directory, by the names of its files. */
function codeIn(directory: string): Map<string, string> {
  const files = globSync('*.pb.ts', { cwd: directory }).sort();
  return new Map(files.map((file) => [basename(file), readFileSync(join(directory, file), 'utf8')]));
}

function check(): void {
  const directory = mkdtempSync(join(tmpdir(), 'proto-'));
  try {
    generate(directory);
    const [made, committed] = [codeIn(directory), codeIn(PROTOCOL)];
    for (const name of new Set([...made.keys(), ...committed.keys()])) {
      if (made.get(name) === committed.get(name)) continue;
      console.log(`${name} is not what its .proto says: npm run proto`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv.includes('--check')) check();
else generate(PROTOCOL);
