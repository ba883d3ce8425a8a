import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RunError, type Failure } from '../../src/base/errors.ts';
import type { FetchedSecret, JsonValue, Secrets } from '../../src/base/secret-data.ts';
import { Secret } from '../../src/base/secret.ts';
import { FORMATS, type FormatName } from '../../src/formats/index.ts';
import type { OutputContent, OutputPlan } from '../../src/plan/outputs.ts';
import { renderOutputs } from '../../src/render/render-outputs.ts';
import { parseTemplate } from '../../src/template/parse.ts';

function found(name: string, keys: Readonly<Record<string, JsonValue>>): FetchedSecret {
  return {
    kind: 'found',
    name,
    keys: new Secret(new Map(Object.entries(keys))),
    metadata: { path: `p/${name}` },
  };
}

const SECRETS: Secrets = new Map<string, FetchedSecret>(
  [
    found('db', { username: 'app', password: 'canary-1', half: 'canary-2\ud800', odd: `canary-3'"` }),
    found('api', { password: 'canary-4', token: 't' }),
    { kind: 'absent', name: 'flags', path: 'p/flags' } as const,
    { kind: 'failed', name: 'lost' } as const,
  ].map((secret) => [secret.name, secret]),
);

function output(path: string, content: OutputContent, kind: 'file' | 'directory' = 'file'): OutputPlan {
  const target = {
    path,
    kind,
    mode: 0o400,
    directoryMode: 0o700,
    uid: undefined,
    gid: undefined,
    allowDisk: false,
  };
  return { where: `outputs (${path})`, target, content };
}

function template(path: string, source: string): OutputPlan {
  const parsed = parseTemplate(source, { file: 't.mustache', partials: new Map() });
  return output(path, { kind: 'template', template: parsed });
}

type FormatFields = Partial<Extract<OutputContent, { kind: 'format' }>>;

function formatted(path: string, name: FormatName, secrets: string[], fields: FormatFields = {}): OutputPlan {
  const format = FORMATS[name];
  const defaults = { keys: {}, onConflict: 'error', options: {}, inputs: [] } as const;
  return output(path, { kind: 'format', format, secrets, ...defaults, ...fields }, format.target);
}

/** What is written where. */
async function written(...outputs: OutputPlan[]): Promise<Readonly<Record<string, string>>> {
  const files = (await renderOutputs(outputs, SECRETS, new Map())).flatMap((rendered) => rendered.files);
  return Object.fromEntries(
    files.map(({ path, content }) => [path, Buffer.from(content.reveal()).toString()]),
  );
}

async function failuresOf(...outputs: OutputPlan[]): Promise<readonly Failure[]> {
  try {
    await renderOutputs(outputs, SECRETS, new Map());
  } catch (error) {
    assert.ok(error instanceof RunError, String(error));
    assert.doesNotMatch(JSON.stringify(error.failures), /canary/, 'no value in a failure');
    return error.failures;
  }
  throw new assert.AssertionError({ message: 'rendered' });
}

describe('rendered outputs', () => {
  test('templates, formats and files below a directory', async () => {
    const keys = { include: ['username'] };
    assert.deepEqual(
      await written(
        template('/out/t', '{{db.username}}{{#@base64}}{{db.odd}}{{/@base64}}'),
        formatted('/out/e', 'dotenv', ['db'], { keys: { include: ['username'], case: 'upper' } }),
        formatted('/out/j', 'json', ['db', 'api'], { keys, onConflict: 'first' }),
        formatted('/out/r', 'raw', ['db'], { options: { key: 'password' } }),
        formatted('/out/d', 'files', ['api'], { keys: { rename: { token: 'x' } } }),
      ),
      {
        '/out/t': `app${Buffer.from(`canary-3'"`).toString('base64')}`,
        '/out/e': 'USERNAME=app\n',
        '/out/j': '{\n  "username": "app"\n}\n',
        '/out/r': 'canary-1',
        '/out/d/password': 'canary-4',
        '/out/d/x': 't',
      },
    );
  });

  test('each belongs to its plan, in the order of the config', async () => {
    const plans = [template('/b', ''), formatted('/a', 'json', ['api'])];
    assert.deepEqual(
      (await renderOutputs(plans, SECRETS, new Map())).map(({ plan }) => plan),
      plans,
    );
  });

  test('an absent optional secret leaves outputs empty, not away', async () => {
    const keys = { include: ['a'], rename: { b: 'c' } };
    assert.deepEqual(
      await written(
        formatted('/e', 'dotenv', ['flags'], { keys }),
        formatted('/j', 'json', ['flags'], { keys }),
        formatted('/r', 'raw', ['flags'], { options: { key: 'a' } }),
        formatted('/d', 'files', ['flags']),
        formatted('/m', 'json', ['flags', 'api'], { keys: { include: ['token', 'a'] } }),
      ),
      { '/e': '', '/j': '{}\n', '/r': '', '/m': '{\n  "token": "t"\n}\n' },
    );
  });

  test('outputs of a secret that could not be fetched are passed over', async () => {
    assert.deepEqual(
      await written(
        formatted('/j', 'json', ['lost', 'db'], { keys: { include: ['nope'] } }),
        formatted('/r', 'raw', ['lost'], { options: { key: 'a' } }),
        template('/t', '[{{lost.a}}]'),
      ),
      { '/t': '[]' },
    );
  });
});

describe('failures of rendering', () => {
  test('those of all outputs at once, each with its output', async () => {
    const told = await failuresOf(
      template('/t', '\n{{db.pasword}}{{api.nope}}'),
      formatted('/r', 'raw', ['db'], { options: { key: 'usernam' } }),
      formatted('/j', 'json', ['api'], { keys: { include: ['tokn', 'token'], rename: { zzzzzz: 'a' } } }),
      formatted('/e', 'dotenv', ['db'], { keys: { exclude: ['half'] } }),
      formatted('/m', 'json', ['db', 'api']),
      formatted('/c', 'json', ['api'], { keys: { rename: { token: 'password' } } }),
      formatted('/x', 'raw', ['db'], { options: { key: 'password', decode: 'hex' } }),
      template('/fine', 'x'),
    );
    assert.deepEqual(
      told.map(({ kind, where, message }) => [kind, where, message]),
      [
        ['not_found', 'outputs (/t), t.mustache:2', 'the secret `db` (p/db) has no key `pasword`'],
        ['not_found', 'outputs (/t), t.mustache:2', 'the secret `api` (p/api) has no key `nope`'],
        ['not_found', 'outputs (/r)', 'the secret `db` has no key `usernam`'],
        ['not_found', 'outputs (/j)', 'the secret `api` has no key `tokn`'],
        ['not_found', 'outputs (/j)', 'the secret `api` has no key `zzzzzz`'],
        ['output', 'outputs (/e)', told[5]?.message],
        ['output', 'outputs (/m)', 'the key `password` is in several secrets: db, api'],
        ['output', 'outputs (/c)', 'the keys `password`, `token` would all be named `password`'],
        ['output', 'outputs (/x)', 'the key `password` has a value that is not hex'],
      ],
    );
    assert.match(told[5]?.message ?? '', /^the key `odd` has a value that readers of dotenv/);
    assert.equal(told[2]?.hint, 'did you mean `username`?');
    assert.deepEqual(told[2].details, ['known keys: half, odd, password, username']);
    assert.equal(told[3]?.hint, 'did you mean `token`?');
    assert.ok(
      told.every(({ hint }) => hint !== undefined),
      'each says what to do',
    );
  });

  test('half a surrogate pair is refused where UTF-8 would replace it, and kept by JSON', async () => {
    const told = await failuresOf(
      template('/t', '{{db.half}}'),
      formatted('/r', 'raw', ['db'], { options: { key: 'half' } }),
    );
    assert.deepEqual(
      told.map(({ kind, where }) => [kind, where]),
      [
        ['template', 'outputs (/t)'],
        ['output', 'outputs (/r)'],
      ],
    );
    const kept = await written(
      formatted('/j', 'json', ['db'], { keys: { include: ['half'] } }),
      template('/t', '{{#@json}}{{db.half}}{{/@json}}'),
    );
    assert.deepEqual(JSON.parse(kept['/j'] ?? ''), { half: 'canary-2\ud800' });
    assert.equal(kept['/t'], '"canary-2\\ud800"');
  });

  test('a key whose file is the path of another output, in either order', async () => {
    const files = formatted('/out/api', 'files', ['api']);
    const other = template('/out/api/token', 'x');
    for (const outputs of [
      [files, other],
      [other, files],
    ]) {
      const told = await failuresOf(...outputs);
      assert.equal(told.length, 1);
      assert.equal(told[0]?.kind, 'output');
      for (const name of ['outputs (/out/api) ', 'outputs (/out/api/token) ', ' /out/api/token']) {
        assert.ok(`${told[0].where ?? ''} ${told[0].message} `.includes(name), told[0].message);
      }
    }
    assert.equal((await failuresOf(files, formatted('/out/api', 'files', ['api']))).length, 2);
  });

  test('a key whose file is the directory of another output', async () => {
    const told = await failuresOf(
      template('/out/api/token/deep/file', 'x'),
      formatted('/out/api', 'files', ['api']),
    );
    assert.deepEqual(
      told.map(({ kind, where, message }) => [kind, where, message]),
      [
        [
          'output',
          'outputs (/out/api/token/deep/file)',
          '/out/api/token is needed as a directory, but written as a file by outputs (/out/api)',
        ],
      ],
    );
    assert.equal(
      Object.keys(await written(formatted('/out/api', 'files', ['api']), template('/out/api/tokens/x', '')))
        .length,
      3,
    );
  });
});
