const REDACTED = '[secret]';

/**
 * A value that must never be shown. Logging, concatenating, inspecting or serialising it prints a placeholder;
 * `reveal()` is the only access to the value, so a search finds every use.
 */
export class Secret<T = string> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}

/** All texts in the data of a request: they are redacted where an error of the server repeats them. */
export function secretTexts(data: unknown): Secret[] {
  if (typeof data === 'string') return [new Secret(data)];
  if (typeof data !== 'object' || data === null) return [];
  return Object.values(data).flatMap(secretTexts);
}
