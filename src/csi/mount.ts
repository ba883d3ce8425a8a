import type { Secret } from '../base/secret.ts';
import type { Scope } from '../host/scope.ts';

/** What a pod asks for when one of its volumes is mounted, or is due to be looked at again. */
export interface MountRequest {
  readonly pod: Pod;
  /** Its name; undefined: the driver did not say. */
  readonly className: string | undefined;
  /** Of the class, and over them those of the volume; without what the driver adds. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Tokens of the pod's service account, by their audience. */
  readonly tokens: ReadonlyMap<string, Secret>;
  /** The entries of the Secret that the volume names (`nodePublishSecretRef`). */
  readonly secrets: ReadonlyMap<string, Secret>;
  /** Where the driver will write, on the node. */
  readonly targetPath: string;
  /** Permission bits of files that the class says nothing of. */
  readonly permission: number;
}

export interface Pod {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** All that is in a volume. */
export interface MountAnswer {
  readonly files: readonly MountedFile[];
  /** One for each thing that the class names, never none. */
  readonly versions: readonly ObjectVersion[];
}

export interface MountedFile {
  /** Below the root of the volume, without `.` and `..`. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly contents: Secret<Uint8Array>;
}

export interface ObjectVersion {
  readonly id: string;
  /** Changes with what it stands for, and tells nothing of it. */
  readonly version: string;
}

/**
 * Fills a volume.
 * @param scope of this request: it ends with its deadline, and when the driver gives up
 * @throws RunError with every failure
 */
export type Mount = (request: MountRequest, scope: Scope) => Promise<MountAnswer>;

/** All that the volumes of this node have had done for them. */
export interface VolumeCounts {
  /** Those that are kept. */
  readonly volumes: number;
  /** Those whose last mount failed: pods still have what they had. */
  readonly staleVolumes: number;
  readonly logins: number;
  readonly tokenRenewals: number;
  readonly leaseRenewals: number;
  /** To servers. */
  readonly requests: number;
}

/** The volumes of this node. */
export interface Volumes {
  readonly counts: VolumeCounts;
  readonly mount: Mount;
  /**
   * Renews what is due, and ends what nobody asks for any more.
   * @throws RunError when the process is to end
   */
  watchOver(): Promise<never>;
  /** Gives back every token that no pod depends on. */
  close(scope: Scope): Promise<void>;
}
