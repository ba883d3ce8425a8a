import { RunError } from '../../base/errors.ts';
import { isJsonObject } from '../../base/lossless-json.ts';
import { Secret } from '../../base/secret.ts';
import { presentable } from '../../http/presentable.ts';
import type { ApiStatus } from './refusal-meaning.ts';

interface Refused {
  readonly status: number;
  /** Usually a `Status` of the API. */
  readonly body: Readonly<Record<string, unknown>>;
}

interface RefusedSecret {
  readonly place: string;
  readonly where: string;
  /** Secrets that no message may repeat. */
  readonly sent: readonly Secret[];
}

/** Shorter parts of a value are found in any text. */
const SHORTEST_CHARACTERS = 4;

/** A refusal in words, with those of the API. */
export async function refusal(
  { status, body }: Refused,
  { place, where, sent }: RefusedSecret,
): Promise<RunError> {
  // Few runs need its texts.
  const { meaningOfRefusal } = await import('./refusal-meaning.ts');
  const said = statusIn({ status, body }, sent);
  const { reason, hint, showsWords } = meaningOfRefusal(said);
  const more = said.causes
    .filter(({ message }) => !said.message.includes(message))
    .map(({ field, message }) => (field === '' ? message : `${field}: ${message}`));
  const words = [said.message, ...more].filter((text) => text !== '');
  return new RunError('output', `${place} cannot be applied: ${reason}`, {
    where,
    details: showsWords && words.length > 0 ? words : undefined,
    hint,
  });
}

/** The API's own words for a failure of its own, presentable; empty: none. */
export function wordsOf(body: Readonly<Record<string, unknown>>, sent: readonly Secret[]): string {
  return statusIn({ status: 0, body }, sent).message;
}

/**
 * Whether a refusal is about another change at the same moment, or about an object that is on its way out: the next try meets what
 * comes of that. What another field manager owns stays its own.
 */
export function isRace(status: number, { message }: Readonly<Record<string, unknown>>): boolean {
  return (
    status === 409 &&
    typeof message === 'string' &&
    /the object has been modified|already exists$/.test(message)
  );
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
function statusIn({ status, body }: Refused, sent: readonly Secret[]): ApiStatus {
  const textOf = (value: unknown): string => (typeof value === 'string' ? presentable(value, sent) : '');
  const { message, details } = body;
  const causes = isJsonObject(details) && Array.isArray(details['causes']) ? details['causes'] : [];
  return {
    status,
    message: textOf(message),
    causes: causes.filter(isJsonObject).map((cause) => ({
      reason: textOf(cause['reason']),
      field: textOf(cause['field']),
      message: textOf(cause['message']),
    })),
  };
}

/** What of the values no text may repeat: as they were sent, decoded, and each line. A webhook sees them all. */
export function unspeakable(data: Readonly<Record<string, string>>): Secret[] {
  const forms = Object.values(data).flatMap((encoded) => {
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    const plain = [text, text.trim(), ...text.split('\n')];
    return [encoded, ...plain.filter((part) => part.length >= SHORTEST_CHARACTERS)];
  });
  return [...new Set(forms)].map((form) => new Secret(form));
}
