import type { JsonSchema } from '../../src/shape/notations.ts';

/** Whether a JSON value is valid, by the keywords that our schema has. */
export function isValid(value: unknown, schema: JsonSchema, document: JsonSchema): boolean {
  const valid: Validate = (one, of) => isValid(one, of, document);
  return (
    isValidBranch(value, schema, document, valid) &&
    isValidCondition(value, schema, valid) &&
    isValidScalar(value, schema) &&
    (!Array.isArray(value) || isValidList(value, schema, valid)) &&
    (!isMap(value) || isValidMap(value, schema, valid))
  );
}

type Validate = (value: unknown, schema: JsonSchema) => boolean;

function isValidBranch(
  value: unknown,
  { $ref, anyOf, allOf = [], not }: JsonSchema,
  { $defs = {} }: JsonSchema,
  valid: Validate,
): boolean {
  const defined = $ref === undefined ? undefined : $defs[$ref.replace('#/$defs/', '')];
  return (
    ($ref === undefined || (defined !== undefined && valid(value, defined))) &&
    (anyOf === undefined || anyOf.some((one) => valid(value, one))) &&
    allOf.every((one) => valid(value, one)) &&
    (not === undefined || !valid(value, not))
  );
}

function isValidCondition(
  value: unknown,
  { if: condition, then = {}, else: otherwise = {} }: JsonSchema,
  valid: Validate,
): boolean {
  return condition === undefined || valid(value, valid(value, condition) ? then : otherwise);
}

function isValidScalar(value: unknown, schema: JsonSchema): boolean {
  const { type, const: constant = value, enum: allowed } = schema;
  return (
    (type === undefined || isOfType(value, type)) &&
    value === constant &&
    (allowed === undefined || allowed.some((one) => one === value)) &&
    (typeof value !== 'string' || isValidText(value, schema)) &&
    (typeof value !== 'number' || isValidNumber(value, schema))
  );
}

function isOfType(value: unknown, type: NonNullable<JsonSchema['type']>): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isMap(value);
    default:
      return typeof value === type;
  }
}

function isValidNumber(value: number, { minimum = -Infinity, maximum = Infinity }: JsonSchema): boolean {
  return value >= minimum && value <= maximum;
}

function isValidText(value: string, { pattern, minLength = 0 }: JsonSchema): boolean {
  return value.length >= minLength && (pattern === undefined || new RegExp(pattern, 'u').test(value));
}

function isValidList(
  value: readonly unknown[],
  { items, minItems = 0 }: JsonSchema,
  valid: Validate,
): boolean {
  return value.length >= minItems && (items === undefined || value.every((one) => valid(one, items)));
}

function isValidMap(
  value: Readonly<Record<string, unknown>>,
  { properties = {}, required = [], propertyNames = {}, additionalProperties = {} }: JsonSchema,
  valid: Validate,
): boolean {
  return (
    required.every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, one]) => {
      const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
      const schema = known ?? additionalProperties;
      return schema !== false && valid(one, schema) && valid(name, propertyNames);
    })
  );
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
