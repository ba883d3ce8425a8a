import type { Secrets } from '../base/secret-data.ts';
import type { Config } from '../config/config.ts';
import type { Fetched, FetchParts } from '../fetch/fetch.ts';
import type { Scope } from '../host/scope.ts';
import type { SecretPlan } from '../plan/plan.ts';
import type { Access } from '../run/access.ts';
import type { MountedFile, ObjectVersion } from './mount.ts';

/** What a class puts into a volume, and how it is come by. */
export interface Contents {
  readonly config: Config;
  /** The token of the pod that it logs in with; undefined: with something else. */
  readonly identity: { readonly audience: string | undefined } | undefined;
  /** What is fetched, and kept good. */
  readonly plans: readonly SecretPlan[];
  /** The token of the login is in the volume, too: it must live on. */
  readonly holdsToken: boolean;
  /** @throws RunError when nothing at all could be fetched */
  fetch(plans: readonly SecretPlan[], parts: FetchParts, scope: Scope): Promise<Fetched>;
  /**
   * @param secrets all of them; what could not be fetched has been reported
   * @throws RunError with all that cannot be rendered
   */
  render(secrets: Secrets, access: Access, scope: Scope): Promise<readonly Rendered[]>;
}

/** A file, and what its version is made of. */
export interface Rendered extends MountedFile {
  /** As `status.objects` of a SecretProviderClassPodStatus names it. */
  readonly id: string;
  /** @param key of the versions; undefined: there is none */
  version(key: Uint8Array | undefined): ObjectVersion['version'];
}
