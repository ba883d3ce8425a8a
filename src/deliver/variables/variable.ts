/** An environment variable with its value, in the clear: it lives only while it is handed on. */
export interface Variable {
  readonly name: string;
  readonly text: string;
  /** It must not show in logs. */
  readonly mask: boolean;
  /** Texts that the value is put together of. */
  readonly parts: readonly string[];
}
