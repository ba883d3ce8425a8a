import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import ts from 'typescript';
import { METHOD_NAMES } from '../../src/auth/index.ts';
import { configFields } from '../../src/config/config-definition.ts';
import { outputProblems } from '../../src/config/output-rules.ts';
import { configReferenceMarkdown } from '../../src/config/reference.ts';
import { ENGINES } from '../../src/engines/index.ts';
import { FORMAT_NAMES, formatNamed } from '../../src/formats/index.ts';

/** What else has one of these names, by the text that is compared with it, or by the file. */
const SOMETHING_ELSE = [
  // Unions of the code base: outputs, logins, answers.
  /\bkind$/,
  // Codes of zod's findings.
  /\bissue\.code$/,
];
const FILES_OF_SOMETHING_ELSE = [
  // The text of a config is JSON or YAML, and so is the log.
  /^src\/config\/(?:parse-)?source\.ts$/,
  /^src\/host\/(?:log|process-io)\.ts$/,
  // A credential file of Google has a format.
  /^src\/auth\/gcp\//,
];

/** Each comparison of a file with a literal of these: `left === 'cert'`, `case 'cert':`, `['cert'].includes(left)`. */
function comparisons(file: string, text: string, names: ReadonlySet<string>): string[] {
  const found: string[] = [];
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const isNamed = (node: ts.Node): node is ts.StringLiteral =>
    ts.isStringLiteral(node) && names.has(node.text);
  const add = (node: ts.StringLiteral, other: ts.Node): void => {
    const text = other.getText(source);
    if (!SOMETHING_ELSE.some((pattern) => pattern.test(text)))
      found.push(`${file}: ${text} and '${node.text}'`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isBinaryExpression(node) && /^[!=]==?$/.test(node.operatorToken.getText(source))) {
      if (isNamed(node.left)) add(node.left, node.right);
      if (isNamed(node.right)) add(node.right, node.left);
    }
    if (ts.isCaseClause(node) && isNamed(node.expression))
      add(node.expression, node.parent.parent.expression);
    if (
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      /^(?:includes|has|startsWith)$/.test(node.expression.name.text)
    ) {
      node.expression.expression.forEachChild((one) => {
        if (isNamed(one)) add(one, node);
      });
      for (const argument of node.arguments) if (isNamed(argument)) add(argument, node);
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

const root = join(import.meta.dirname, '../..');

function comparisonsOutside(room: string, names: readonly string[]): string[] {
  const files = globSync('src/**/*.ts', { cwd: root, exclude: [`src/${room}/**`] });
  assert.ok(files.length > 100);
  return files
    .filter((file) => !FILES_OF_SOMETHING_ELSE.some((pattern) => pattern.test(file)))
    .flatMap((file) => comparisons(file, readFileSync(join(root, file), 'utf8'), new Set(names)));
}

describe('a kind is known by its name in its own room alone', () => {
  test('the search finds what it looks for', () => {
    const names = new Set(['cert', 'token']);
    for (const text of [
      "if (method === 'cert') {}",
      "const a = 'token' !== auth.method;",
      "switch (auth.method) { case 'cert': }",
      "['cert', 'x'].includes(method)",
      "methods.includes('cert')",
    ]) {
      assert.equal(comparisons('x.ts', text, names).length, 1, text);
    }
    assert.deepEqual(comparisons('x.ts', "a.kind === 'token'; const b = 'cert'; c === 'other';", names), []);
  });

  test('login methods', () => {
    assert.deepEqual(comparisonsOutside('auth', METHOD_NAMES), []);
  });

  test('formats', () => {
    assert.deepEqual(comparisonsOutside('formats', FORMAT_NAMES), []);
  });
});

describe('the options of formats', () => {
  const owners = new Map<string, unknown>();
  for (const name of FORMAT_NAMES) {
    for (const [option, member] of Object.entries(formatNamed(name).options?.members ?? {})) {
      test(`${option} of ${name}: the same in all formats, in the reference, and refused by others`, () => {
        assert.equal(owners.get(option) ?? member, member);
        owners.set(option, member);
        const row = new RegExp(String.raw`^\| \`${option}\` \| .* \| For .*\`${name}\`.*: [a-z]`, 'm');
        assert.match(configReferenceMarkdown(configFields({}), []), row);
        const output = { path: 'x', format: 'json', secret: 's', [option]: 'x' } as const;
        const [problem = ''] = outputProblems(output);
        assert.match(problem, new RegExp(`^\`${option}\` is for .*\`(?:format: )?${name}\`.* only$`));
      });
    }
  }

  test('a format that is implied has the option that implies it', () => {
    for (const name of FORMAT_NAMES) {
      const { impliedBy, options } = formatNamed(name);
      if (impliedBy !== undefined) assert.ok(Object.hasOwn(options?.members ?? {}, impliedBy), name);
    }
  });
});

test('each engine is registered by its name', () => {
  for (const [name, { name: own }] of Object.entries(ENGINES)) assert.equal(name, own);
});
