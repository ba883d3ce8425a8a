/** A variable as far as its fields depend on each other. */
interface VariableFields {
  readonly value?: object | undefined;
  readonly template?: string | undefined;
  readonly token?: boolean | undefined;
  readonly wrap_ttl?: number | undefined;
  readonly min_ttl?: number | undefined;
  readonly keys?: object | undefined;
}

/** What is wrong with the combination of a variable's fields. */
export function variableProblems({
  value,
  template,
  token,
  wrap_ttl,
  min_ttl,
  keys,
}: VariableFields): string[] {
  const given = [value, template, token === true ? token : undefined].filter((one) => one !== undefined);
  if (given.length !== 1) return ['needs exactly one of `value`, `template`, `token`'];
  const limits = { wrap_ttl, min_ttl };
  const problems = Object.entries(limits)
    .filter(([, limit]) => limit !== undefined && token !== true)
    .map(([field]) => `\`${field}\` needs \`token: true\``);
  return keys !== undefined && value === undefined ? [...problems, '`keys` needs `value`'] : problems;
}
