import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { before, describe, test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { adviceTable, agreementOf, forecastTable, measuredTable } from '../bench/herd/herd-report.ts';
import type { HerdResults } from '../bench/herd/herd-results.ts';
import type { Table } from '../bench/markdown.ts';
import type { Results } from '../bench/results.ts';
import { excerpt, goTable, wallTable } from '../bench/tables.ts';
import { runCli } from '../support/cli.ts';
import {
  anchorsOf,
  blocksIn,
  blocksOf,
  documents,
  guides,
  proseOf,
  root,
  tableRows,
  textOf,
} from '../support/markdown.ts';

/** What does not fit belongs into a guide, or into a comment. */
const LARGEST_BYTES: Readonly<Record<string, number>> = { 'README.md': 12_000, 'ARCHITECTURE.md': 10_000 };
/** Of a cell as people see it, without the targets of links. */
const LONGEST_CELL = 120;

/** Of Node and Docker. */
const FLAG_OF_OTHERS = '--env-file';

describe('the documents', () => {
  test('the README and ARCHITECTURE are short enough to be read', () => {
    for (const [file, largest] of Object.entries(LARGEST_BYTES)) {
      const { size } = statSync(join(root, file));
      assert.ok(size <= largest, `${file}: ${String(size)} bytes`);
    }
  });

  test('every relative link leads to a file, every anchor to a heading', () => {
    let links = 0;
    for (const file of documents()) {
      for (const [, target = ''] of proseOf(file).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        links += 1;
        const [path = '', anchor] = target.split('#');
        const to = path === '' ? file : relative(root, join(root, dirname(file), path));
        assert.ok(existsSync(join(root, to)), `${file}: ${target}`);
        if (anchor !== undefined) assert.ok(anchorsOf(to).has(anchor), `${file}: ${target}`);
      }
    }
    assert.ok(links > 100, 'links are found at all');
  });

  test('every example and every guide is in the index', () => {
    const index = textOf('examples/README.md');
    for (const name of globSync(['examples/*', 'examples/ci/*'], { cwd: root })) {
      if (name === 'examples/README.md' || name === 'examples/ci') continue;
      assert.ok(index.includes(`](${relative('examples', name)}`), name);
    }
    assert.match(textOf('README.md'), /\]\(examples\/README\.md\)/);
  });

  test('nothing is installed from a registry: it is in none, and anyone could take the name', () => {
    const examples = globSync('examples/**', { cwd: root }).filter((file) =>
      statSync(join(root, file)).isFile(),
    );
    assert.ok(examples.length > 30);
    for (const file of new Set([...documents(), ...examples])) {
      const text = readFileSync(join(root, file), 'utf8');
      assert.doesNotMatch(text, /\bnpx\b[^\n]*vaultonce/, file);
      assert.doesNotMatch(
        text,
        /\b(?:npm|pnpm|yarn|bun)\b[^\n]* (?:install|i|add)\b[^\n]* vaultonce\b/,
        file,
      );
    }
  });

  test('charts are installed from where they are: a name with a slash needs a repository that was added before', () => {
    const installs = blocksIn('sh').flatMap(
      ({ text }) => text.match(/\bhelm install (?:[^\n]*\\\n)*[^\n]*/g) ?? [],
    );
    assert.ok(installs.length > 0);
    for (const command of installs) assert.match(command, /^helm install \w+ [\w-]+ [^]*--repo https:/);
  });

  test('blocks are in languages that tests read, and so are those of commands and configs', () => {
    const languages = new Set(
      guides()
        .flatMap(blocksOf)
        .map(({ language }) => language),
    );
    assert.deepEqual([...languages].sort(), [
      'dockerfile',
      'gotemplate',
      'ini',
      'mustache',
      'sh',
      'text',
      'yaml',
    ]);
  });

  test('cells of tables are short', () => {
    for (const file of guides()) {
      for (const row of tableRows(textOf(file))) {
        for (const cell of row) {
          const shown = cell.replaceAll(/\]\([^)]*\)/g, '').replaceAll('[', '');
          assert.ok(shown.length <= LONGEST_CELL, `${file}: ${shown}`);
        }
      }
    }
  });

  test('versions, scripts and targets are those of this package', () => {
    const tagged = [...guides(), ...globSync('examples/**/*.{yaml,yml}', { cwd: root })].flatMap((file) =>
      [...textOf(file).matchAll(/\bvaultonce:(\d[\w.]*)/g)].map(([, version]) => ({ file, version })),
    );
    assert.ok(tagged.length > 5);
    for (const { file, version } of tagged) assert.equal(version, packageJson.version, file);
    for (const { place, text } of blocksIn('sh')) {
      for (const [, script = ''] of text.matchAll(/\bnpm run (\S+)/g)) {
        assert.ok(Object.hasOwn(packageJson.scripts, script), `${place}: npm run ${script}`);
      }
    }
    const [clone = ''] = /https:\/\/\S+vaultonce(?= && cd)/.exec(textOf('README.md')) ?? [];
    assert.equal(`git+${clone}.git`, packageJson.repository.url);
    const targets = readFileSync(join(root, '.config/targets.ts'), 'utf8');
    const named = guides().flatMap(
      (file) => textOf(file).match(/\b(?:linux|darwin)-(?:x64|arm64)(?:-musl)?\b/g) ?? [],
    );
    for (const target of new Set(named)) assert.ok(targets.includes(`'${target}'`), target);
  });
});

describe('what the documents list is complete', () => {
  interface Schema {
    readonly $defs: Readonly<Record<string, unknown>>;
    readonly properties: Readonly<Record<string, unknown>>;
  }
  let schema: Schema;
  before(async () => {
    schema = JSON.parse((await runCli(['schema'])).stdout) as Schema;
  });

  /** Every `enum` and `const` below the properties of this name. */
  const valuesOf = (node: unknown, name: string, isInside = false): string[] => {
    if (typeof node !== 'object' || node === null) return [];
    return Object.entries(node as Readonly<Record<string, unknown>>).flatMap(([key, child]) => {
      if (isInside && key === 'const') return typeof child === 'string' ? [child] : [];
      if (isInside && key === 'enum') return child as string[];
      return valuesOf(child, name, isInside || key === name);
    });
  };
  const listed = (file: string, names: readonly string[]): void => {
    const text = textOf(file);
    assert.ok(names.length > 3, 'names are found at all');
    for (const name of new Set(names)) assert.ok(text.includes(`\`${name}`), `${file}: ${name}`);
  };

  test('commands', async () => {
    const { stdout } = await runCli(['--help']);
    const [, commands = ''] = /^Commands:\n([\s\S]*?)\n\n/m.exec(stdout) ?? [];
    const names = [...commands.matchAll(/^ {2}([a-z]+)/gm)].map(([, name = '']) => name);
    listed(
      'README.md',
      names.filter((name) => name !== 'help'),
    );
  });

  test('commands and flags within sentences exist', async () => {
    const { stdout: all } = await runCli(['--help']);
    const names = [...all.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    const help = new Map<string, string>();
    for (const name of names) help.set(name, (await runCli([name, '--help'])).stdout);
    const everything = [all, ...help.values()].join('');
    let count = 0;
    const spans = guides()
      .filter((file) => !file.startsWith('test/'))
      .flatMap((file) =>
        [...textOf(file).matchAll(/`((?:vaultonce [a-z]|--)[^`\n]*)`/g)].map(([, span = '']) => ({
          file,
          span,
        })),
      )
      .filter(({ span }) => span !== FLAG_OF_OTHERS);
    for (const { file, span } of spans) {
      const command = /^vaultonce ([a-z]+)/.exec(span)?.[1];
      const known = command === undefined ? everything : help.get(command);
      assert.ok(known !== undefined, `${file}: ${span}`);
      const [own = ''] = span.split(' -- ');
      for (const [flag] of own.matchAll(/(?<= |^)--[a-z-]+/g)) {
        assert.match(known, new RegExp(`${flag}[ ,\\n]`), `${file}: ${span}`);
        count += 1;
      }
    }
    assert.ok(count > 30, `${String(count)} are found`);
  });

  test('methods, in the README and in their guide', () => {
    const methods = valuesOf(schema.$defs['method'], 'method');
    listed('README.md', methods);
    listed('examples/logins/README.md', methods);
    listed('examples/logins/README.md', valuesOf(schema.$defs['method'], 'source'));
  });

  test('formats of outputs', () => {
    listed('examples/outputs/README.md', valuesOf(schema.properties['outputs'], 'format'));
    listed('examples/outputs/README.md', valuesOf(schema.properties['outputs'], 'parts'));
  });

  test('formats of `env`', async () => {
    const { stdout } = await runCli(['env', '--format', 'none']);
    const { stderr } = await runCli(['env', '--help']);
    assert.equal(stderr, '');
    assert.equal(stdout, '(exit 2)\n');
    const help = (await runCli(['env', '--help'])).stdout;
    const [, names = ''] = /--format <name>\s+([\s\S]*?)\(/.exec(help) ?? [];
    const text = textOf('examples/ci/README.md') + textOf('examples/shell/README.md');
    const formats = names.split(',').map((name) => name.trim());
    assert.equal(formats.length, 12);
    for (const name of formats) assert.match(text, new RegExp(`\`${name}\`|--format ${name}`), name);
  });

  test('exit codes', async () => {
    const { stdout } = await runCli(['exec', '--help']);
    const [, help = ''] = /Exit codes:\n([\s\S]*)/.exec(stdout) ?? [];
    const codes = [...help.matchAll(/(?:^| {2,}|, )(\d+)(?= |,)/gm)].map(([, code = '']) => code);
    assert.ok(codes.length >= 15, codes.join());
    const rows = tableRows(textOf('README.md')).map(([first = '']) => first.split(', '));
    for (const code of codes) assert.ok(rows.flat().includes(code), code);
  });
});

describe('the figures', () => {
  const results = JSON.parse(textOf('test/bench/results/results.json')) as Results;

  /** The cells of the rows below a header. */
  const tableIn = (file: string, { header }: Table): string[][] => {
    const rows = tableRows(textOf(file));
    const at = rows.findIndex((row) => row.join('|') === header.join('|'));
    assert.ok(at !== -1, `${file}: ${header.join(', ')}`);
    // A header and its rule, then rows as long as they have as many cells.
    const below = rows.slice(at + 2);
    const end = below.findIndex(
      ({ length }, index) => length !== header.length || below[index + 1]?.[0] === '---',
    );
    return end === -1 ? below : below.slice(0, end);
  };
  const unmarked = ({ rows }: Table): string[][] =>
    rows.map((row) => row.map((cell) => cell.replaceAll(/[*`]/g, '')));

  test('the tables of the benchmark are those of its last run', () => {
    for (const table of [wallTable(results), goTable(results)]) {
      if (table === undefined) continue;
      assert.ok(table.rows.length > 5);
      assert.deepEqual(tableIn('test/bench/README.md', table), unmarked(table));
    }
  });

  test('the table of the README is an excerpt of it', () => {
    const table = excerpt(results);
    assert.equal(table.rows.length, 5);
    assert.deepEqual(tableIn('README.md', table), unmarked(table));
    const rounds = results.comparisons.find(
      ({ secrets, roundTripMs }) => secrets === 10 && roundTripMs === 5,
    )?.rounds;
    assert.ok(textOf('README.md').includes(`medians of ${String(rounds)} turns`));
  });

  test('the tables of the herd are those of its last run', () => {
    const herd = JSON.parse(textOf('test/bench/results/herd.json')) as HerdResults;
    const measured = measuredTable(herd);
    assert.deepEqual(tableIn('test/bench/README.md', measured), measured.rows);
    assert.ok(textOf('test/bench/README.md').includes(agreementOf(herd)));
    const forecasts = forecastTable(herd.forecasts);
    const atOnce = forecasts.rows.filter(([, start]) => start === 'at once');
    assert.ok(atOnce.length > 5);
    assert.deepEqual(tableIn('test/bench/README.md', forecasts), atOnce);
    const advice = adviceTable(herd.advice);
    assert.deepEqual(tableIn('examples/operations/README.md', advice), advice.rows);
  });
});
