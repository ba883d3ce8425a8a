/** An environment variable with its value, in the clear: it lives only while it is handed on. */
export interface Variable {
  readonly name: string;
  readonly text: string;
}
