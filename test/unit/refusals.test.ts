import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explainRefusal } from '../../src/session/refusals.ts';

const METHOD = { refusedHint: 'its own', deniedHint: 'its cluster' };

const hintFor = (text: string, status = 400): string =>
  explainRefusal({ status, errors: [text], date: undefined, jwt: undefined }, METHOD).hint;

/** Texts of servers and plug-ins that the tests have not, from their code; the others are measured in test/real. */
describe('hints of refused logins by their texts', () => {
  const texts: readonly (readonly [text: string, hint: RegExp])[] = [
    ['entry for role "web" not found', /no such role/],
    ['role "web" not found', /no such role/],
    ['invalid role name "web"', /no such role/],
    ['plugin not found in the catalog: ldap', /no plug-in/],
    ['no handler for route "auth/x/login". route entry not found.', /no such login path/],
    ['1 error occurred: * unsupported operation', /no such login path/],
    ['tls connection required', /tls_disable_client_certs/],
    ['client certificate must be supplied', /tls_disable_client_certs/],
    ['no client certificate found', /did not reach the server/],
    ['invalid certificate or no client certificate supplied', /no role knows its issuer/],
    ['user is locked', /lockout_duration/],
    ['okta auth failed: MFA required', /no second factor/],
  ];
  for (const [text, hint] of texts) {
    test(text, () => {
      assert.match(hintFor(text), hint);
    });
  }

  test('a text that says no more gets the hint of the method', () => {
    const others = [
      'invalid role or secret ID',
      'invalid username or password',
      'invalid credentials',
      'service account is blocked',
      'oidc: expected audience "x" got ["y"]',
      'error making upstream request: received error code 403 from STS: SignatureDoesNotMatch',
      'certificate has expired',
      'permission denied',
    ];
    for (const text of others) assert.equal(hintFor(text), 'its own', text);
  });

  test('a bare 403 gets the one about mount and namespace, and what the method knows of it', () => {
    assert.match(hintFor('permission denied', 403), /bao auth list.*token_bound_cidrs.* its cluster$/);
  });
});
