import { RunError } from '../base/errors.ts';
import { parseJsonObject, type JsonObject } from '../base/lossless-json.ts';
import { AbsentCredential } from '../host/credential-files.ts';
import { acceptsConnections } from '../http/accepts-connections.ts';
import { sleep } from '../http/delay.ts';
import { askThirdParty, type ThirdPartyAnswer, type ThirdPartyRequest } from '../http/third-party.ts';
import type { AuthIo } from './method.ts';

/** A request to the metadata service of a cloud, which answers on its own machines alone. */
export interface MetadataRequest extends Omit<ThirdPartyRequest, 'direct'> {
  /** Somebody has said where it is: then it must be there. */
  readonly named: boolean;
  /** What it means that nothing is there: `this is not a machine of AWS`. */
  readonly absent: string;
}

/** Elsewhere the address leads nowhere, and packets to it may just vanish. */
const PROBE_LIMIT_MS = 1500;
const PROBE_PAUSE_MS = 250;

/**
 * Asks a metadata service. Whether it is there at all is found out by connecting to it, quickly; its answer may then take
 * as long as any other, because it may need to ask for a token itself.
 * @throws AbsentCredential when nobody said that it is there, and nothing is, or what is there knows no such request: all
 * clouds have the same address for theirs
 * @throws RunError `unavailable`
 */
export async function askMetadata(
  { named, absent, ...request }: MetadataRequest,
  io: AuthIo,
): Promise<ThirdPartyAnswer> {
  const ask = (): Promise<ThirdPartyAnswer> => askThirdParty({ ...request, direct: true }, io);
  if (named) return ask();
  const { host } = new URL(request.url);
  const nothing = (why: string): AbsentCredential =>
    new AbsentCredential('config', `${absent}: ${why}`, { where: host, hint: request.hint });
  if (!(await isThere(new URL(request.url), io))) throw nothing(`${request.what} is not there`);
  const answer = await ask();
  if (answer.status >= 400) throw nothing(`what is there refuses (${String(answer.status)})`);
  return answer;
}

/** Refusals come at once, also while the network of a new pod comes up: they are tried again for a moment. */
async function isThere(url: URL, { signal }: AuthIo): Promise<boolean> {
  const untilMs = Date.now() + PROBE_LIMIT_MS;
  for (;;) {
    const leftMs = untilMs - Date.now();
    if (leftMs <= 0) return false;
    if (await acceptsConnections(url, leftMs)) return true;
    await sleep(PROBE_PAUSE_MS, signal);
  }
}

/** A service that is there and says no. What it says may quote what it was asked with. */
export function refusedBy(what: string, status: number, hint?: string): RunError {
  return new RunError('auth', `${what} refused (${String(status)})`, { where: 'auth', hint });
}

/**
 * A JSON object in an answer.
 * @throws RunError `auth` for anything else
 */
export function objectIn({ text }: ThirdPartyAnswer, what: string): JsonObject {
  const body = parseJsonObject(text);
  if (body !== undefined) return body;
  throw new RunError('auth', `${what} is not a JSON object`);
}

/**
 * A text of such an object.
 * @param what has it, for messages
 * @throws RunError `auth` when it is missing or empty
 */
export function textIn(object: JsonObject, field: string, what: string): string {
  const value = object[field];
  if (typeof value === 'string' && value !== '') return value;
  throw new RunError('auth', `${what} has no \`${field}\``);
}
