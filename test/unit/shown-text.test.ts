import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { looksLikeCredential, shownName, shownPath, shownVariable } from '../../src/base/shown-text.ts';

const PLACE = 'auth.token_file';

describe('what may be shown of a text that somebody typed as a path or a name', () => {
  test('paths are shown, whether they exist or not', () => {
    const paths = [
      '/var/run/secrets/kubernetes.io/serviceaccount/token',
      '/nonexistent/secret_id',
      './secret-id',
      '~/.vault-token',
      'certs/ca.pem',
      'vaultonce.yaml',
      'app.conf.mustache',
      '/home/Ann/app2/secret_id',
      '/dev/shm/vaultonce-test-KlZpAG9/config.yaml',
      'C:/Users/x',
    ];
    for (const path of paths) assert.equal(shownPath(path, PLACE, false), path);
    for (const path of ['secret_id', 'Password1234567890', 'a b']) {
      assert.equal(shownPath(path, PLACE, true), path, 'it exists');
      assert.equal(shownPath(path, PLACE, false), PLACE, 'it may be anything');
    }
  });

  test('credentials are not, wherever they stand', () => {
    const token = (prefix: string): string => `${prefix}.${randomBytes(18).toString('base64url')}`;
    const credentials = [
      token('hvs'),
      token('hvb'),
      `s.${'Ab1'.repeat(8)}`,
      `b.${'Ab1'.repeat(30)}`,
      'eyJhbGciOiJSUzI1NiJ9.e30.c2ln',
      '-----BEGIN PRIVATE KEY-----',
      'first\nsecond',
      'tab\there',
      'x'.repeat(256),
      `/${'x/'.repeat(2100)}`,
      'ghp_0123456789abcdef',
    ];
    for (const text of credentials) {
      assert.ok(looksLikeCredential(text), text);
      assert.equal(shownPath(text, PLACE, true), PLACE);
      assert.equal(shownPath(`/etc/${text}`, PLACE, false), PLACE);
      assert.ok(!shownName(text).includes(text));
      assert.equal(shownVariable(text), undefined);
    }
  });

  test('no base64, no id and no password is shown as a path that does not exist, or as a variable', () => {
    const base64 = fc
      .uint8Array({ minLength: 24, maxLength: 300 })
      .map((bytes) => Buffer.from(bytes).toString('base64'))
      // Few bytes can give what is a word or an absolute path, too.
      .filter((text) => !text.startsWith('/') && /\d/.test(text) && /[a-z]/.test(text) && /[A-Z]/.test(text));
    fc.assert(
      fc.property(base64, (text) => {
        assert.equal(shownPath(text, PLACE, false), PLACE);
        assert.ok(!shownName(text).includes(text));
        assert.equal(shownVariable(text), undefined);
      }),
    );
    for (const text of [
      randomUUID(),
      'hunter2',
      'correct_horse',
      'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    ]) {
      assert.equal(shownPath(text, PLACE, false), PLACE);
      assert.equal(shownVariable(text), undefined);
    }
  });

  test('nor are random digits as a name', () => {
    for (const text of ['aB3dE6gH9jK2mN5pQ8', 'JBSWY3DPEHPK3PXP2345', 'q7Zk3Q9xLm2A1cD4==']) {
      assert.ok(!shownName(text).includes(text), text);
      assert.equal(shownVariable(text), undefined);
    }
  });

  test('names of variables, keys, commands and flags are shown', () => {
    assert.equal(shownVariable('CIRCLE_OIDC_TOKEN_V2'), '$CIRCLE_OIDC_TOKEN_V2');
    for (const name of [
      'myDatabase2Credentials',
      'DATABASE2PASSWORD',
      'srever',
      'outputs[1].path',
      'VAULT_ID_TOKEN',
      'app-config-v2.yaml',
      'kubernetes',
    ]) {
      assert.equal(shownName(name), name);
    }
  });
});
