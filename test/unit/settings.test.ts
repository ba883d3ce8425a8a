import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RunError } from '../../src/base/errors.ts';
import {
  resolveSetting,
  SETTINGS,
  type Flags,
  type Setting,
  type SettingName,
} from '../../src/config/settings.ts';

/** Texts that are valid for each setting, all different, from the weakest source to the strongest. */
const TEXTS: Readonly<Record<SettingName, readonly [file: string, environment: string, flag: string]>> = {
  address: ['http://file', 'http://environment', 'http://flag'],
  namespace: ['file', 'environment', 'flag'],
  caCertBytes: ['file', 'environment', 'flag'],
  caCert: ['file', 'environment', 'flag'],
  caPath: ['file', 'environment', 'flag'],
  clientCert: ['file', 'environment', 'flag'],
  clientKey: ['file', 'environment', 'flag'],
  serverName: ['file', 'environment', 'flag'],
  skipVerify: ['true', 'false', 'true'],
  clientTimeoutMs: ['1s', '2m', '3h'],
  maxRetries: ['1', '2', '3'],
  rateLimit: ['1', '2:4', '3'],
  proxyAddress: ['http://file', 'http://environment', 'http://flag'],
  timeoutMs: ['1s', '2', '1h30m'],
  startupJitterMs: ['1s', '2', '1h30m'],
  allowDisk: ['true', 'false', 'true'],
  defaults: ['file', 'environment', 'flag'],
  report: ['file', 'environment', 'flag'],
  logLevel: ['error', 'debug', 'warn'],
  logFormat: ['json', 'text', 'json'],
};

describe('precedence: flag, then environment (OpenBao before Vault), then file, then default', () => {
  for (const name of Object.keys(SETTINGS) as SettingName[]) {
    test(name, () => {
      const setting: Setting<unknown> = SETTINGS[name];
      const [file, environment, flag] = TEXTS[name];
      const resolve = (flags: Flags, env: Record<string, string>, fromFile: unknown): unknown =>
        resolveSetting(name, flags, env, fromFile as never);
      const fromFile = setting.parse(file);

      assert.equal(resolve({}, {}, undefined), undefined, 'nothing: the default');
      assert.deepEqual(resolve({}, {}, fromFile), fromFile, 'the file');
      for (const [index, variable] of setting.env.entries()) {
        const weaker = Object.fromEntries(setting.env.slice(index + 1).map((other) => [other, file]));
        const found = resolve({}, { ...weaker, [variable]: environment }, fromFile);
        assert.deepEqual(
          found,
          setting.parse(environment),
          `${variable} before the file and later variables`,
        );
        assert.deepEqual(
          resolve({}, { [variable]: '' }, fromFile),
          fromFile,
          `an empty ${variable} is unset`,
        );
      }
      assert.ok(setting.env.length === 1 || setting.env[0]?.startsWith('BAO_'));
      const all = Object.fromEntries(setting.env.map((variable) => [variable, environment]));
      const set = setting.file === undefined ? [] : [`${setting.file}=${flag}`];
      if (set.length > 0) assert.deepEqual(resolve({ set }, all, fromFile), setting.parse(flag), '--set');
      if (setting.flag === undefined) return;
      const flagValue = setting.flag === 'allowDisk' ? true : flag;
      const other = set.map(() => `${setting.file ?? ''}=${environment}`);
      assert.deepEqual(
        resolve({ [setting.flag]: flagValue, set: other }, all, fromFile),
        setting.parse(flag),
        'the flag',
      );
    });
  }

  test('booleans are those of the official clients; junk is an error that names the variable and not its value', () => {
    const skip = (value: string): unknown =>
      resolveSetting('skipVerify', {}, { VAULT_SKIP_VERIFY: value }, undefined);
    for (const yes of ['1', 't', 'T', 'true', 'TRUE', 'True']) assert.equal(skip(yes), true);
    for (const no of ['0', 'f', 'F', 'false', 'FALSE', 'False']) assert.equal(skip(no), false);
    for (const junk of ['yes', 'no', 'on', ' true', 'tRUE', '2']) {
      assert.throws(
        () => skip(junk),
        (error) =>
          error instanceof RunError &&
          error.exitCode === 3 &&
          error.message.includes('$VAULT_SKIP_VERIFY') &&
          !error.message.includes(`"${junk}"`),
      );
    }
  });
});
