import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RunError, type Failure } from '../../src/base/errors.ts';
import type { JsonValue } from '../../src/base/secret-data.ts';
import { interpolate } from '../../src/config/interpolate.ts';
import { goJson } from '../../src/csi/vault-class/go-json.ts';
import { readObjects, type VaultObject } from '../../src/csi/vault-class/object-list.ts';
import { identityOfObject, requestOf } from '../../src/csi/vault-class/object-request.ts';
import { configJson, versionOf } from '../../src/csi/vault-class/object-versions.ts';
import { modeOf, parseObjects } from '../../src/csi/vault-class/objects.ts';
import { configTextOf, vaultParameters } from '../../src/csi/vault-class/parameters.ts';
import { readSecretPath } from '../../src/csi/vault-class/secret-path.ts';
import { Secret } from '../../src/base/secret.ts';
import { urlPathOf } from '../../src/vault/request.ts';
import { CLASSES, isObjectName, OBJECT_NAMES } from '../support/csi-classes.ts';
import vectors from '../support/csi-vectors/vectors.json' with { type: 'json' };

const KEY = new Secret<Uint8Array>(Buffer.from(vectors.key, 'base64'));
const CONTENT = new Secret<Uint8Array>(Buffer.from('content'));

function one(fields: string): VaultObject {
  const [object] = parseObjects(`- { objectName: a, ${fields} }`);
  assert.ok(object !== undefined);
  return object;
}

function refused(work: () => unknown): readonly Failure[] {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof RunError, String(error));
    return error.failures;
  }
  assert.fail('it was taken');
}

describe('objects of a class are read as Go reads them', () => {
  test('lists: the same fields, or refused by both', () => {
    for (const { text, configs, versions } of [...vectors.lists, ...vectors.scalars]) {
      const { objects, failures } = readObjects(text);
      if (configs === null) {
        assert.ok(
          failures.length > 0,
          `${JSON.stringify(text)} is taken as ${objects.map(configJson).join()}`,
        );
        continue;
      }
      assert.deepEqual(failures, [], text);
      assert.deepEqual(objects.map(configJson), configs, text);
      assert.deepEqual(
        objects.map((object) => versionOf(KEY, object, CONTENT).version),
        versions ?? [],
        text,
      );
    }
  });

  test('permissions: the same bits, or refused by both', () => {
    for (const { text, mode } of vectors.modes) {
      const { objects, failures } = readObjects(`- filePermission: ${text}`);
      if (mode === null) assert.equal(failures.length, 1, text);
      else assert.deepEqual([objects[0]?.filePermission, failures], [mode, []], text);
    }
  });

  test('property: bits in any notation are the same', () => {
    const notations: readonly ((bits: number) => string)[] = [
      (bits) => `0${bits.toString(8)}`,
      (bits) => `0o${bits.toString(8)}`,
      (bits) => String(bits),
      (bits) => `0x${bits.toString(16)}`,
      (bits) => `0b${bits.toString(2)}`,
      (bits) => `+0_${bits.toString(8)}_`,
      (bits) => `!!int "0${bits.toString(8)}"`,
      (bits) => `${String(bits)}.9`,
    ];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(...notations), (bits, write) => {
        const [object] = parseObjects(`[{objectName: a, secretPath: b, filePermission: ${write(bits)}}]`);
        assert.ok(object !== undefined);
        assert.equal(object.filePermission, bits);
        assert.equal(modeOf(object, 0o644), bits === 0 ? 0o644 : bits & 0o777);
      }),
    );
  });

  test('a number in quotes, a negative one and one that is too large are no permissions', () => {
    for (const text of ['"0640"', "'420'", '-1', '4294967296', 'rw', '[6]', 'true']) {
      const [failure, ...more] = refused(() => one(`secretPath: b, filePermission: ${text}`));
      assert.match(failure?.message ?? '', /^`filePermission` is not a number/, text);
      assert.deepEqual(more, []);
    }
  });

  test('property: what is JSON is read as JSON', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((value) => !/[\x7f-\x9f\ufeff]/.test(value));
    const args = fc.dictionary(
      text,
      fc
        .jsonValue({ maxDepth: 3, noUnicodeString: true })
        .map((value) => JSON.parse(JSON.stringify(value)) as JsonValue),
    );
    fc.assert(
      fc.property(text, text, args, (secretPath, secretKey, secretArgs) => {
        const json = JSON.stringify([{ objectName: 'a', secretPath, secretKey, secretArgs }]);
        const { objects, failures } = readObjects(json);
        assert.deepEqual(failures, []);
        assert.deepEqual([objects[0]?.secretPath, objects[0]?.secretKey], [secretPath, secretKey]);
        assert.equal(objects[0]?.secretArgs?.reveal(), goJson(secretArgs));
      }),
    );
  });

  test('aliases that are endless when written out are refused soon', () => {
    const levels = Array.from(
      { length: 40 },
      (_, level) => `&l${String(level + 1)} [*l${String(level)}, *l${String(level)}]`,
    );
    const text = `- secretArgs: { a: [&l0 [x], ${levels.join(', ')}] }`;
    const { failures } = readObjects(text);
    assert.deepEqual(
      failures.map(({ message }) => message),
      ['`secretArgs` is endless'],
    );
  });
});

describe('what is wrong with a class is reported at once', () => {
  test('each mistake, its object and its line', () => {
    const failures = refused(() =>
      vaultParameters({
        vaultSkipTLSVerify: 'yes',
        vaultAuthMountPath: 'a',
        vaultKubernetesMountPath: 'b',
        objects: [
          '- objectName: password',
          '  secretKey: k',
          '  encoding: rot13',
          '- objectName: ../x',
          '  secretPath: a/../../b',
          '  method: BREW',
          '  filePermission: "0640"',
          '- secretPath: x?a;b',
          '- objectName: password',
          '  secretPath: x',
        ].join('\n'),
      }),
    );
    assert.deepEqual(
      failures.map(({ where, message }) => `${where ?? ''}: ${message}`),
      [
        'parameters: `roleName` is missing',
        'parameters: `vaultSkipTLSVerify` is neither true nor false',
        'parameters: `vaultAuthMountPath` and `vaultKubernetesMountPath` exclude each other',
        'objects[1] (../x), line 7: `filePermission` is not a number from 0 to 0777',
        'objects[0] (password), line 1: `secretPath` is missing',
        'objects[0] (password), line 1: `encoding` is not known',
        'objects[1] (../x), line 4: `objectName` has `..` in it',
        'objects[1] (../x), line 4: `secretPath` leads out of the API',
        'objects[1] (../x), line 4: `method` is no verb of the API',
        'objects[2], line 8: `objectName` is missing',
        'objects[2], line 8: `secretPath` has a query that cannot be read',
        'objects[3] (password), line 9: `objectName` is that of another object',
      ],
    );
    for (const { kind, hint } of failures) assert.deepEqual([kind, hint === undefined], ['config', false]);
  });

  test('nothing to read, no list, no YAML', () => {
    const messages = (text: string): readonly string[] =>
      refused(() => parseObjects(text)).map(({ where, message }) => `${where ?? ''}: ${message}`);
    for (const text of ['', '# none', '[]', 'null', '- ~'])
      assert.deepEqual(messages(text), ['objects: `objects` is missing or empty']);
    assert.deepEqual(messages('\nobjectName: a'), ['objects, line 2: `objects` is not a list']);
    assert.deepEqual(messages('- a'), ['objects[0], line 1: the object is not a map']);
    assert.deepEqual(messages('- objectName: a\n  b: "hunter2'), [
      'objects, line 2: `objects` is not valid YAML: unexpected end of the stream within a double quoted scalar',
    ]);
  });

  test('an encoding counts only with a key, in any case', () => {
    for (const encoding of ['BASE64', 'Hex', 'utf-8', 'UTF-8', '""'])
      assert.ok(one(`secretPath: b, secretKey: k, encoding: ${encoding}`));
    assert.equal(one('secretPath: b, encoding: rot13').encoding, 'rot13');
  });

  test('names that the driver refuses', () => {
    for (const name of OBJECT_NAMES) {
      const text = `- { objectName: ${JSON.stringify(name)}, secretPath: b }`;
      if (isObjectName(name)) assert.equal(parseObjects(text)[0]?.objectName, name);
      else assert.match(refused(() => parseObjects(text))[0]?.message ?? '', /^`objectName` /, name);
    }
  });

  test('a name below the file of another object', () => {
    const failures = refused(() =>
      parseObjects(
        '[{objectName: a/b/c, secretPath: x}, {objectName: a, secretPath: x}, {objectName: ab, secretPath: x}]',
      ),
    );
    assert.deepEqual(
      failures.map(({ where, message, details }) => [where, message, details]),
      [
        [
          'objects[0] (a/b/c), line 1',
          '`objectName` is below the file of another object',
          ['the other one: objects[1] (a), line 1'],
        ],
      ],
    );
  });

  test('no message quotes a value', () => {
    const canary = 'hvs.CAESICanaryCanaryCanaryCanary';
    const texts = [
      canary,
      `- ${canary}`,
      `- { objectName: ${canary} }`,
      `- { objectName: [${canary}], secretPath: ../${canary}, method: ${canary}, filePermission: ${canary}, secretArgs: ${canary} }`,
      `- { objectName: a, secretPath: "x?${canary};", secretKey: k, encoding: ${canary} }`,
      `- { objectName: a, secretPath: x, secretArgs: { a: .nan, ${canary}: !!int ${canary} } }`,
      `- { objectName: a, ${canary}: 1, ${canary}: 2 }`,
      `- { objectName: a, <<: ${canary} }`,
      `- { objectName: a: ${canary} }`,
      `- *${canary}`,
      `- "${canary}`,
    ];
    for (const text of texts) {
      const failures = refused(() => vaultParameters({ objects: text, vaultSkipTLSVerify: canary }));
      assert.doesNotMatch(JSON.stringify(failures), /CAESI/, text);
    }
  });
});

describe('parameters of a class', () => {
  const objects = '- { objectName: a, secretPath: b }';

  test('all of them, as a config', () => {
    const parameters = vaultParameters({
      roleName: 'web',
      vaultAddress: 'https://vault.example.com:8200',
      vaultNamespace: 'team-a',
      vaultCACertPath: '/tls/ca.crt',
      vaultCADirectory: '/tls/cas',
      vaultTLSServerName: 'vault',
      vaultTLSClientCertPath: '/tls/client.crt',
      vaultTLSClientKeyPath: '/tls/client.key',
      vaultSkipTLSVerify: 'F',
      vaultAuthMountPath: 'jwt',
      audience: 'vault',
      objects,
      secretProviderClass: 'app',
      vaultCAPem: 'ignored',
    });
    assert.equal(parameters.audience, 'vault');
    assert.deepEqual(JSON.parse(configTextOf(parameters)), {
      vault: {
        address: 'https://vault.example.com:8200',
        namespace: 'team-a',
        tls: {
          ca_cert: '/tls/ca.crt',
          ca_path: '/tls/cas',
          server_name: 'vault',
          client_cert: '/tls/client.crt',
          client_key: '/tls/client.key',
          skip_verify: false,
        },
      },
      auth: { method: 'kubernetes', mount: 'jwt', role: 'web' },
    });
  });

  test('with names as in a class of OpenBao, the same', () => {
    const parameters = {
      roleName: 'web',
      objects,
      openbaoAddress: 'https://bao:8200',
      openbaoNamespace: 'team',
      openbaoKubernetesMountPath: 'prod',
      openbaoCACertPath: '/ca.crt',
      openbaoSkipTLSVerify: 'true',
      vaultNamespace: '',
    };
    assert.deepEqual(JSON.parse(configTextOf(vaultParameters(parameters))), {
      vault: {
        address: 'https://bao:8200',
        namespace: 'team',
        tls: { ca_cert: '/ca.crt', skip_verify: true },
      },
      auth: { method: 'kubernetes', mount: 'prod', role: 'web' },
    });
  });

  test('what the class does not say, or says with an empty text, is left to the provider', () => {
    const empty = {
      vaultAddress: '',
      vaultSkipTLSVerify: '',
      vaultAuthMountPath: '',
      vaultKubernetesMountPath: '',
      audience: '',
    };
    for (const more of [{}, empty]) {
      const parameters = vaultParameters({ roleName: 'web', objects, ...more });
      assert.deepEqual(JSON.parse(configTextOf(parameters)), { auth: { method: 'kubernetes', role: 'web' } });
      assert.equal(parameters.audience, undefined);
    }
    assert.deepEqual(
      refused(() => vaultParameters({ roleName: '', objects: '' })).map(({ message }) => message),
      ['`roleName` is missing', '`objects` is missing or empty'],
    );
  });

  test('booleans are those of Go', () => {
    const read = (text: string): boolean | undefined =>
      vaultParameters({ roleName: 'r', objects, vaultSkipTLSVerify: text }).vaultSkipTLSVerify;
    for (const text of ['1', 't', 'T', 'TRUE', 'true', 'True']) assert.equal(read(text), true);
    for (const text of ['0', 'f', 'F', 'FALSE', 'false', 'False']) assert.equal(read(text), false);
    for (const text of ['yes', 'tRUE', ' true', '2', 'on'])
      assert.equal(refused(() => read(text)).length, 1, text);
  });

  test('property: a variable of the provider cannot be had by a class', () => {
    const text = fc
      .array(fc.constantFrom('$', '{', '}', 'HOME', ':-', 'a'))
      .map((parts) => `x${parts.join('')}`);
    fc.assert(
      fc.property(text, (value) => {
        const config: unknown = JSON.parse(
          configTextOf(vaultParameters({ roleName: value, vaultNamespace: value, objects })),
        );
        const { value: filled, problems } = interpolate(config, { HOME: '/root' });
        assert.deepEqual(
          [filled, problems],
          [{ vault: { namespace: value }, auth: { method: 'kubernetes', role: value } }, []],
        );
      }),
    );
  });
});

describe('the request of an object', () => {
  test('paths and queries are those that Go sends', () => {
    for (const { secretPath, urlPath, query } of vectors.paths) {
      const read = readSecretPath(secretPath);
      if (read.kind === 'problem') {
        // Without a path, or out of the API: Go would send it.
        assert.ok(urlPath === null || !urlPath.startsWith('/v1/'), secretPath);
        continue;
      }
      const { path } = read.secretPath;
      assert.equal(`/v1/${path}`, urlPath, secretPath);
      const request = {
        ...requestOf(one(`secretPath: ${JSON.stringify(secretPath)}`)),
        namespace: undefined,
      };
      const url = new URL(`https://x/v1/${urlPathOf({ ...request, token: undefined, mints: false })}`);
      assert.equal(decodeURIComponent(url.pathname), urlPath, secretPath);
      assert.deepEqual([...url.searchParams], [...new URLSearchParams(query)], secretPath);
    }
  });

  test('verbs, in any case; a body only where the server reads it', () => {
    const args = 'secretArgs: { b: "<x>", a: 1.50 }';
    const sent = (method: string): unknown => {
      const { body, query, ...request } = requestOf(one(`secretPath: x, ${method}${args}`));
      return [request.method, query ?? [], body?.reveal()];
    };
    const body = '{"a":1.5,"b":"\\u003cx\\u003e"}';
    assert.deepEqual(sent(''), ['GET', [], undefined]);
    assert.deepEqual(sent('method: GET, '), ['GET', [], undefined]);
    assert.deepEqual(sent('method: list, '), ['GET', [['list', 'true']], undefined]);
    assert.deepEqual(sent('method: SCAN, '), ['GET', [['scan', 'true']], undefined]);
    assert.deepEqual(sent('method: DELETE, '), ['DELETE', [], undefined]);
    assert.deepEqual(sent('method: HEAD, '), ['HEAD', [], undefined]);
    for (const verb of ['PUT', 'POST', 'PATCH', 'Put'])
      assert.deepEqual(sent(`method: ${verb}, `), [verb.toUpperCase(), [], body]);
    assert.equal(requestOf(one('secretPath: x, method: PUT')).body, undefined);
  });

  test('texts of the arguments are known as sensitive', () => {
    const { sensitive = [] } = requestOf(
      one('secretPath: x, method: PUT, secretArgs: { a: [s1], b: { c: s2 } }'),
    );
    assert.deepEqual(
      sensitive.map((secret) => secret.reveal()),
      ['s1', 's2'],
    );
  });

  test('a request is shared by objects that ask the same', () => {
    const same = (a: string, b: string): boolean =>
      identityOfObject(one(a)).reveal() === identityOfObject(one(b)).reveal();
    assert.ok(
      same(
        'secretPath: database/creds/r, secretKey: username',
        'secretPath: /v1/database/creds/r, secretKey: password',
      ),
    );
    assert.ok(
      same(
        'secretPath: x, method: PUT, secretArgs: { a: 1, b: 2 }',
        'secretPath: x, method: PUT, secretArgs: { b: 2, a: 1 }',
      ),
    );
    assert.ok(same('secretPath: x?a=1&b=2', 'secretPath: x?b=2&a=1'));
    assert.ok(same('secretPath: x', 'secretPath: x, method: get, secretArgs: { ignored: 1 }'));
    assert.ok(
      !same(
        'secretPath: x, method: PUT, secretArgs: { a: 1 }',
        'secretPath: x, method: PUT, secretArgs: { a: "1" }',
      ),
    );
    assert.ok(!same('secretPath: x, method: PUT', 'secretPath: x, method: POST'));
    assert.ok(!same('secretPath: x', 'secretPath: x?version=1'));
    assert.ok(!same('secretPath: x?a=1&a=2', 'secretPath: x?a=2&a=1'));
  });
});

describe('classes as they are documented and tested elsewhere', () => {
  for (const { name, parameters, config, audience, requests, modes } of CLASSES) {
    test(name, () => {
      const read = vaultParameters(parameters);
      assert.deepEqual(JSON.parse(configTextOf(read)), config);
      assert.equal(read.audience, audience);
      const sent = new Map(read.objects.map((object) => [object.objectName, requestOf(object)]));
      assert.deepEqual(
        Object.fromEntries(
          [...sent].map(([file, { method, path, body }]) => [
            file,
            [method, path, body?.reveal()].filter(Boolean).join(' '),
          ]),
        ),
        requests,
      );
      assert.deepEqual(
        read.objects.map((object) => modeOf(object, 0o644)),
        modes ?? read.objects.map(() => 0o644),
      );
    });
  }
});
