import type { Failure } from '../base/errors.ts';
import type { ManifestInput } from './manifest-input.ts';

/** That of the image. */
export const IMAGE_USER = 65532;

/** As whom the init container runs, if the image does not say: files belong to who writes them. */
export function userOf({ options, outputs }: Pick<ManifestInput, 'options' | 'outputs'>): {
  readonly runAsUser?: number;
} {
  if (options.user !== undefined) return { runAsUser: Number(options.user) };
  const owners = [...new Set(outputs.map(({ target }) => target.uid))].filter((uid) => uid !== undefined);
  const [owner] = owners;
  return owner === undefined || owner === 0 || owners.length > 1 ? {} : { runAsUser: owner };
}

/** Only root can give files away, and the restricted profile has none. */
export function wrongOwners(input: Pick<ManifestInput, 'options' | 'outputs'>): Failure[] {
  const { runAsUser = IMAGE_USER } = userOf(input);
  return input.outputs
    .filter(({ target, kubernetes }) => kubernetes === undefined && (target.uid ?? runAsUser) !== runAsUser)
    .map(({ where }) => ({
      kind: 'config',
      message: `its \`owner\` is not the user that the container runs as, ${String(runAsUser)}, and only root can give files away`,
      where,
      hint: 'leave `owner` out, and run as the user of the application: --user UID; or use `mode: "0440"` with fsGroup',
    }));
}
