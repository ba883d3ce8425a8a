import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { isMethod, loadMethod, METHOD_NAMES, traitsOf } from '../../src/auth/index.ts';
import { LOGIN_MOUNTS } from '../../src/auth/login-mounts.ts';
import type { AuthIo, Login } from '../../src/auth/method.ts';
import { RunError } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import { accept } from '../../src/shape/accept.ts';

const server = { address: 'https://vault.example.com:8200' };
const io = { env: {} } as unknown as AuthIo;
const directory = mkdtempSync(join(tmpdir(), 'vaultonce-logins-'));
const file = join(directory, 'token');
writeFileSync(file, 'from-file\n');
after(() => {
  rmSync(directory, { recursive: true });
});

const CONFIGS: Readonly<Record<string, object>> = {
  kubernetes: { method: 'kubernetes', role: 'web', token_file: file },
  jwt: { method: 'jwt', role: 'web', jwt_file: file },
};

async function logIn(name: string, credential?: Secret): Promise<Login> {
  assert.ok(isMethod(name));
  const method = await loadMethod(name);
  return method.login(accept(method.fields, CONFIGS[name]), io, { server, credential });
}

describe('a credential that the caller hands in', () => {
  for (const name of Object.keys(CONFIGS)) {
    test(`${name}: it takes the place of the file, trimmed, and is the token whose claims explain a refusal`, async () => {
      for (const [credential, expected] of [
        [undefined, 'from-file'],
        [new Secret('handed-in\n'), 'handed-in'],
      ] as const) {
        const login = await logIn(name, credential);
        assert.ok(login.kind === 'login');
        assert.ok(login.body['jwt'] instanceof Secret);
        assert.equal(login.body['jwt'].reveal(), expected);
        assert.equal(login.jwt?.reveal(), expected);
      }
    });

    test(`${name}: an empty one is an error, and the file no way out`, async () => {
      await assert.rejects(
        async () => logIn(name, new Secret(' \n')),
        (error) => error instanceof RunError && error.exitCode === 3 && /is empty/.test(error.message),
      );
    });
  }

  test('the methods that take one are those', async () => {
    const taking: string[] = [];
    for (const name of METHOD_NAMES)
      if ((await loadMethod(name)).takesCredential !== undefined) taking.push(name);
    assert.deepEqual(taking, Object.keys(CONFIGS));
  });
});

describe('what sets a login apart', () => {
  test('token posts nothing and may renew; cert proves a certificate; all others are posted', async () => {
    for (const method of METHOD_NAMES) {
      const { postsTo, ...others } = await traitsOf({ method, mount: 'm' } as { method: typeof method });
      assert.deepEqual(
        others,
        { posts: method !== 'token', renews: false, unwraps: 0, ownCertificate: method === 'cert' },
        method,
      );
      assert.equal(postsTo, method in LOGIN_MOUNTS ? 'm/login' : undefined, method);
    }
    const renewing = { method: 'token', renew: true } as const;
    const { renews } = await traitsOf(renewing);
    assert.ok(renews);
  });

  test('the first login of some methods is known without loading them', async () => {
    const accepted = Object.entries({ ...CONFIGS, approle: { method: 'approle', role_id: 'r' } });
    assert.deepEqual(accepted.map(([name]) => name).sort(), Object.keys(LOGIN_MOUNTS).sort());
    for (const [name, config] of accepted) {
      assert.ok(isMethod(name));
      const { fields } = await loadMethod(name);
      const { mount } = accept(fields, config) as { readonly mount: string };
      assert.equal(mount, LOGIN_MOUNTS[name]);
    }
  });
});
