const REDACTED = '[secret]';

/**
 * A value that must not show. Logging, concatenating, inspecting or serialising it prints a placeholder;
 * `reveal()` is the only way to the value, so every place that uses one can be found by searching for it.
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

/** Every text in data that is sent: an error of the server that repeats one is blacked out there. */
export function secretTexts(data: unknown): Secret[] {
  if (typeof data === 'string') return [new Secret(data)];
  if (typeof data !== 'object' || data === null) return [];
  return Object.values(data).flatMap(secretTexts);
}
