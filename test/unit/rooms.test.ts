import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { describe, test } from 'node:test';

/**
 * The rooms of src/, each above those that it may import from: its own and the ones before it, types included. Rooms of
 * one line are kinds or stages of the same floor; they have an order all the same, so that none can be a circle.
 */
const ROOMS = [
  'base',
  'host',
  'shape',
  'http',
  'vault',
  ...['auth', 'engines', 'formats', 'template'],
  'config',
  'plan',
  ...['session', 'fetch', 'render', 'publish', 'reuse', 'report'],
  'manifest',
  'deliver',
  'run',
  'watch',
  'csi',
  'migrate',
  'commands',
  'cli',
  'main.ts',
];

/** Names that stand for the same thing wherever they are. */
const SAME_EVERYWHERE = new Map([
  ['index.ts', /^src\/(?:auth|engines|formats|deliver|watch)\//],
  // The files of a registry have the names that a config uses.
  ['raw.ts', /^src\/(?:engines|formats)\//],
  ['run.ts', /^src\/(?:run|watch\/on-change)\//],
  ['start.ts', /^src\/(?:csi|watch)\//],
  ['config.ts', /^src\/(?:auth\/[a-z]+|config)\//],
  ['login.ts', /^src\/auth\/[a-z]+\//],
  ['machine.ts', /^src\/auth\/[a-z]+\//],
  ['signature.ts', /^src\/auth\/[a-z]+\//],
]);

const root = join(import.meta.dirname, '../..');
const files = globSync('src/**/*.ts', { cwd: root }).sort();

interface Import {
  readonly to: string;
  readonly names: string;
}

const STATEMENT = /^(?:import|export)\s+(?:type\s+)?(?:([^;'"]*?)\s+from\s+)?['"](\.[^'"]+)['"]/gm;
const EXPRESSION = /\bimport\(\s*['"](\.[^'"]+)['"]\s*\)(?:\)?\.(\w+))?/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = [...text.matchAll(STATEMENT)].map(([, names = '', path = '']) => ({ path, names }));
  for (const [, path = '', name = ''] of text.matchAll(EXPRESSION)) found.push({ path, names: name });
  return found.map(({ path, names }) => ({
    to: normalize(join(dirname(file), path)),
    names: names.replace(/\s+/g, ' '),
  }));
}

const imports = new Map(
  files.map((file) => [file, importsOf(file).filter(({ to }) => to.startsWith('src/'))]),
);

function roomOf(file: string): string {
  return file.split('/')[1] ?? '';
}

/** A way from a file back to itself, if there is one. */
function circleThrough(start: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const waiting = [start];
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    for (const { to } of imports.get(file) ?? []) {
      if (cameFrom.has(to)) continue;
      cameFrom.set(to, file);
      if (to === start) return wayTo(start, cameFrom);
      waiting.push(to);
    }
  }
  return undefined;
}

function wayTo(end: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way = [end];
  for (let file = cameFrom.get(end) ?? end; file !== end; file = cameFrom.get(file) ?? end) way.unshift(file);
  return [end, ...way];
}

describe('the rooms of the house', () => {
  test('every file is in a room that has its place', () => {
    assert.ok(files.length > 200);
    assert.deepEqual(
      files.filter((file) => !ROOMS.includes(roomOf(file))),
      [],
    );
  });

  test('imports go down: to the same room or one below', () => {
    const upwards = files.flatMap((file) =>
      (imports.get(file) ?? [])
        .filter(({ to }) => ROOMS.indexOf(roomOf(to)) > ROOMS.indexOf(roomOf(file)))
        .map(({ to, names }) => `${file} imports ${names} from ${to}, which is above it`),
    );
    assert.deepEqual(upwards, []);
  });

  test('no file imports itself on the way round', () => {
    const circles = files.map(circleThrough).filter((circle) => circle !== undefined);
    assert.deepEqual(
      circles.map((circle) => circle.join(' → ')),
      [],
    );
  });

  test('two files of one name are about the same thing', () => {
    const groups = Map.groupBy(files, (file) => basename(file));
    const twins = [...groups].filter(([name, group]) => {
      const place = SAME_EVERYWHERE.get(name);
      return (
        group.filter((file) => place?.test(file) !== true).length > (place === undefined ? 1 : 0) &&
        group.length > 1
      );
    });
    assert.deepEqual(
      twins.map(([, group]) => group),
      [],
    );
  });
});
