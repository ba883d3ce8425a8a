import type { Failure } from '../base/errors.ts';
import { shownKey } from '../base/shown-text.ts';
import { ENTRY_NAME, placeOf, type SecretTarget } from '../config/kubernetes-schema.ts';
import type { OutputPlan, PlacedOutput } from './outputs.ts';

/** An output that is not a file. */
export type SecretOutput<Output extends PlacedOutput = PlacedOutput> = Output & {
  readonly kubernetes: SecretTarget;
};

export function isSecretOutput<Output extends PlacedOutput>(output: Output): output is SecretOutput<Output> {
  return output.kubernetes !== undefined;
}

/** The outputs of each Secret. */
export function secretGroups(
  outputs: readonly PlacedOutput[],
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

/** Different values for one thing of a Secret, and entries that two outputs write. */
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
            message: `two outputs set different values for ${what} of ${placeOf({ ...output.kubernetes, key: undefined })}`,
            where: output.where,
            hint: 'set it once: the outputs of a Secret are merged',
          },
        ];
      }),
    );
  });
}

function statementsOf({ kubernetes }: SecretOutput): (readonly [string, string])[] {
  const { key, type, labels, annotations, serviceAccount, ownerReferences, immutable, fieldManager } =
    kubernetes;
  return [
    ...(ownerReferences.length === 0
      ? []
      : [['the owner_references', JSON.stringify(ownerReferences)] as const]),
    ...(immutable === undefined ? [] : [['immutable', String(immutable)] as const]),
    ...(fieldManager === undefined ? [] : [['the field_manager', fieldManager] as const]),
    ...(serviceAccount === undefined ? [] : [['the service_account', serviceAccount] as const]),
    ...(type === undefined ? [] : [['the type', type] as const]),
    ...(key === undefined ? [] : [[`the entry \`${key}\``, key] as const]),
    ...Object.entries(labels).map(([name, value]) => [`the label \`${name}\``, value] as const),
    ...Object.entries(annotations).map(([name, value]) => [`the annotation \`${name}\``, value] as const),
  ];
}

/** Whether each key is an entry of its own, and this one cannot be. */
export function isBadEntry({ kubernetes, target }: OutputPlan, name: string): boolean {
  return kubernetes !== undefined && target.kind === 'directory' && !ENTRY_NAME.test(name);
}

export function badEntry({ where }: OutputPlan, name: string): Failure {
  return {
    kind: 'output',
    message: `the key \`${shownKey(name)}\` cannot be an entry of a Secret: at most 253 letters, digits, \`-\`, \`_\` and \`.\`, and no \`..\` at its start`,
    where,
    hint: 'give it another name with keys.rename, or leave it out with keys.exclude',
  };
}

/** The name of the entry that a rendered file is. */
export function entryOf({ kubernetes }: SecretOutput, path: string): string {
  return path.slice(placeOf({ ...kubernetes, key: undefined }).length + 1);
}
