/** How this program logs in: nothing that a command needs to know. */
const CREDENTIALS = /^(?:(?:BAO|VAULT)_(?:TOKEN|CLIENT_KEY)|VAULTONCE_.*)$/;

/** What a command inherits. */
export interface Inheritance {
  /** Start from an empty environment; PATH and what `keepEnv` names stay. */
  readonly clearEnv?: boolean;
  readonly keepEnv?: readonly string[];
  /** Pass the token and the identity of this run on. */
  readonly passToken?: boolean;
}

/**
 * The environment of this process for a command.
 * @param credentials the variables that this run may log in with
 */
export function inherited(
  own: Readonly<Record<string, string | undefined>>,
  { clearEnv = false, keepEnv = [], passToken = false }: Inheritance,
  credentials: readonly string[],
): Record<string, string> {
  const kept = new Set(['PATH', ...keepEnv]);
  // It has no prototype: a variable may be named `__proto__`.
  const result = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined || (clearEnv && !kept.has(name))) continue;
    const isCredential = CREDENTIALS.test(name) || credentials.includes(name);
    if (!isCredential || passToken || keepEnv.includes(name)) result[name] = value;
  }
  return result;
}
