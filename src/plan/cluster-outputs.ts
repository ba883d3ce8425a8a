import type { Failure } from '../base/errors.ts';
import type { OutputPlan } from './outputs.ts';

/** A Secret of the cluster that an output is an entry of, or several. What several outputs of one Secret say is merged. */
export interface SecretTarget {
  readonly name: string;
  /** Undefined: that of the pod. */
  readonly namespace: string | undefined;
  /** Name of the entry. Undefined: each file of the output is one. */
  readonly key: string | undefined;
  /** Undefined: the cluster's default, `Opaque`. */
  readonly type: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Take over what others have set. */
  readonly force: boolean;
  /** Directory with `token`, `ca.crt` and `namespace`. Undefined: where the kubelet mounts it. */
  readonly serviceAccount: string | undefined;
}

/** An output that is no file. */
export type SecretOutput = OutputPlan & { readonly kubernetes: SecretTarget };

/** For messages, and in the place of a path, which starts with a slash. No name has an `@`. */
export function placeOf({ name, namespace, key }: Pick<SecretTarget, 'name' | 'namespace' | 'key'>): string {
  const secret = namespace === undefined ? name : `${name}@${namespace}`;
  return `kubernetes:${secret}${key === undefined ? '' : `/${key}`}`;
}

export function isSecretOutput(output: OutputPlan): output is SecretOutput {
  return output.kubernetes !== undefined;
}

/** The outputs of each Secret. */
export function secretGroups(
  outputs: readonly OutputPlan[],
): ReadonlyMap<string, readonly [SecretOutput, ...SecretOutput[]]> {
  const groups = new Map<string, [SecretOutput, ...SecretOutput[]]>();
  for (const output of outputs.filter(isSecretOutput)) {
    const place = placeOf({ ...output.kubernetes, key: undefined });
    const known = groups.get(place);
    if (known === undefined) groups.set(place, [output]);
    else known.push(output);
  }
  return groups;
}

/** What the outputs of one Secret say differently, and entries that two of them are. */
export function disagreements(outputs: readonly OutputPlan[]): Failure[] {
  return [...secretGroups(outputs).values()].flatMap(([first, ...others]) => {
    const known = new Map(statementsOf(first));
    return others.flatMap((output) =>
      statementsOf(output).flatMap(([what, value]): Failure[] => {
        const other = known.get(what);
        if (other === undefined) known.set(what, value);
        if (other === undefined || (other === value && !what.startsWith('the entry'))) return [];
        return [
          {
            kind: 'config',
            message: `two outputs say differently what ${what} of ${placeOf({ ...output.kubernetes, key: undefined })} is`,
            where: output.where,
            hint: 'say it once: what the outputs of a Secret say is merged',
          },
        ];
      }),
    );
  });
}

function statementsOf({ kubernetes }: SecretOutput): (readonly [string, string])[] {
  const { key, type, labels, annotations, serviceAccount } = kubernetes;
  return [
    ...(serviceAccount === undefined ? [] : [['the service_account', serviceAccount] as const]),
    ...(type === undefined ? [] : [['the type', type] as const]),
    ...(key === undefined ? [] : [[`the entry \`${key}\``, key] as const]),
    ...Object.entries(labels).map(([name, value]) => [`the label \`${name}\``, value] as const),
    ...Object.entries(annotations).map(([name, value]) => [`the annotation \`${name}\``, value] as const),
  ];
}

/** https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data */
export const ENTRY_NAME = /^(?!\.{1,2}$|\.\.)[-._a-zA-Z0-9]{1,253}$/;

/** Keys of secrets that cannot be entries. */
export function badEntries(
  rendered: readonly { readonly plan: OutputPlan; readonly files: readonly { readonly path: string }[] }[],
): Failure[] {
  return rendered.flatMap(({ plan, files }) => {
    if (!isSecretOutput(plan)) return [];
    return files
      .map(({ path }) => entryOf(plan, path))
      .filter((name) => !ENTRY_NAME.test(name))
      .map((name) => ({
        kind: 'output',
        message: `the key \`${name}\` cannot be an entry of a Secret: letters, digits, \`-\`, \`_\` and \`.\` only`,
        where: plan.where,
        hint: 'give it another name with keys.rename, or leave it out with keys.exclude',
      }));
  });
}

/** The name of the entry that a rendered file is. */
export function entryOf({ kubernetes }: SecretOutput, path: string): string {
  return path.slice(placeOf({ ...kubernetes, key: undefined }).length + 1);
}
