import type { Failure } from '../base/errors.ts';
import type { ManifestOptions } from './manifest-input.ts';

/** What the objects are called. */
export interface Names {
  /** The ConfigMap, the Role and the Secret with credentials. */
  readonly vaultonce: string;
  readonly serviceAccount: string;
}

export function namesFor({ name, serviceAccount = name }: ManifestOptions): Names {
  return { vaultonce: `${name}-vaultonce`, serviceAccount };
}

export function metadata(name: string, namespace: string | undefined): object {
  return namespace === undefined ? { name } : { name, namespace };
}

/** RFC 1123, as the cluster has it; `-vaultonce` is added to one of them. */
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,51}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?$/;

/** @returns flags whose value no object can have; they are not quoted */
export function badNames(options: ManifestOptions): Failure[] {
  const { name, containers, image, serviceAccount, podNamespace, user, audience, ca } = options;
  const checks: readonly (readonly [flag: string, isRight: boolean, expected: string])[] = [
    ['--name', LABEL.test(name), NAME],
    ['--container', containers.every((one) => LABEL.test(one) && one !== 'vaultonce'), OTHER_NAME],
    ['--image', /^[!-~]+$/.test(image), 'an image, such as registry.example.com/vaultonce@sha256:…'],
    ['--service-account', SUBDOMAIN.test(serviceAccount ?? 'x'), NAME],
    ['--pod-namespace', LABEL.test(podNamespace ?? 'x'), NAME],
    [
      '--user',
      /^[1-9]\d{0,9}$/.test(user ?? '1') && Number(user ?? 1) < 2 ** 31,
      'the number of a user, not 0',
    ],
    ['--audience', /^[!-~]+$/.test(audience), 'the audience of the role, such as `vault`'],
    ['--ca', SUBDOMAIN.test(ca), NAME],
  ];
  return checks
    .filter(([, isRight]) => !isRight)
    .map(([flag, , expected]) => ({
      kind: 'usage',
      message: `${flag} is not valid: it must be ${expected}`,
      hint: 'see `vaultonce manifest --help`',
    }));
}

const OTHER_NAME = 'a name of lower-case letters, digits and `-`, but not `vaultonce`';
const NAME = 'a name of lower-case letters, digits and `-`';
