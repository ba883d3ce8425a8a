/** A construct that has no counterpart. Nothing of what stands in quotes is in its text. */
export class Unsupported extends Error {
  readonly hint: string;

  constructor(message: string, hint = 'change it by hand: logic belongs to the application or the secret') {
    super(message);
    this.hint = hint;
  }
}
