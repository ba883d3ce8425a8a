/** A name that is still taken for another one, with a warning: for one minor version at least. */
export interface DeprecatedName {
  readonly old: string;
  /** What to write now: it takes the same values. */
  readonly instead: string;
  /** The version that deprecated it. */
  readonly since: string;
}

/** By where such a name stands. */
export interface DeprecatedNames {
  /** `--old`, of all commands that have the other one. */
  readonly flags: readonly DeprecatedName[];
  /** Keys of the config by their path, which differ in its last step: `outputs[].old`, `secrets.*.old`. */
  readonly keys: readonly DeprecatedName[];
  /** Variables of the environment, without a `$`. */
  readonly variables: readonly DeprecatedName[];
}

/** All of this version. STABILITY.md says how long a name stays. */
export const DEPRECATED: DeprecatedNames = { flags: [], keys: [], variables: [] };
