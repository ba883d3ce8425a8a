import { text } from 'node:stream/consumers';
import { readPlainYaml } from '../../src/config/plain-yaml.ts';

/** What is read of texts on the runtime that this is started with: a list of them on stdin, a list of values on stdout, as JSON. */

const texts = JSON.parse(await text(process.stdin)) as readonly string[];
process.stdout.write(JSON.stringify(texts.map((one) => readPlainYaml(one)?.value ?? null)));
