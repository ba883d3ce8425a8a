/** The check that exactly one, or at most one, of some fields is given, in words that name them. */
export function oneOf<Field extends string>(fields: readonly Field[], required: boolean) {
  const list = fields.map((field) => `\`${field}\``).join(', ');
  const count = (config: Partial<Record<Field, unknown>>): number =>
    fields.filter((field) => config[field] !== undefined).length;
  return {
    check: (config: Partial<Record<Field, unknown>>): boolean =>
      count(config) === 1 || (count(config) === 0 && !required),
    /** Whether one of them is there at all. */
    given: (config: Partial<Record<Field, unknown>>): boolean => count(config) > 0,
    message: required ? `needs exactly one of ${list}` : `takes at most one of ${list}`,
  };
}
