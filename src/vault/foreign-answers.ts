import type { Failure } from '../base/errors.ts';
import { isJsonObject } from '../base/lossless-json.ts';
import type { Secret } from '../base/secret.ts';
import { connectionFailure, HTTP_TO_TLS } from '../http/connection-failure.ts';
import { presentable, repeatsSent } from '../http/presentable.ts';
import type { VaultResponse } from './request.ts';

/** A redirect that was not followed: the token would go wherever it points. */
export function redirected(
  { status, location }: VaultResponse,
  address: string,
  sensitive: readonly Secret[],
): Failure {
  const target = location === undefined ? undefined : targetOf(location, address, sensitive);
  return {
    kind: 'unavailable',
    message: `${address} redirects (${String(status)}) to ${target ?? 'elsewhere'}`,
    hint: 'set vault.address to the active node, which answers itself; the token only follows the 307 of a standby, to the same path and scheme, and not in circles',
  };
}

/** Without the parts that could contain a password or a token. Undefined: it has what was sent in it, or is no URL. */
function targetOf(location: string, address: string, sensitive: readonly Secret[]): string | undefined {
  const url = URL.parse(location, address);
  // A host loses its case when it is parsed.
  return url === null || repeatsSent(location, sensitive)
    ? undefined
    : presentable(`${url.origin}${url.pathname}`, sensitive);
}

interface Foreign {
  readonly failure: Failure;
  readonly isFinal: boolean;
}

/** An answer that is not JSON: cut off, of a path that has no JSON, or of something that is not a Vault server. */
export function notJson(response: VaultResponse, path: string, address: string): Foreign {
  const { status, plainText = '', isCut } = response;
  if (isCut) return { failure: cut(status, address), isFinal: false };
  if (plainText.includes('HTTP request to an HTTPS server')) {
    const { message, hint } = connectionFailure(HTTP_TO_TLS, address, 0);
    return { failure: { kind: 'unavailable', message, hint }, isFinal: true };
  }
  const type = /^application\/(?!xhtml|xml)[\w.+-]+/.exec(response.contentType ?? '')?.[0];
  if (status === 200 && type !== undefined) return { failure: otherType(path, type), isFinal: true };
  return notVault(status, address, 'it is not JSON');
}

/** With these a gateway says, often as JSON, that it lets nobody through or has no such route. */
const SAID_BY_GATEWAYS = new Set([403, 404, 405]);

/** JSON in the place of a refusal of the server, which has `errors`, and an envelope for a deleted version. */
export function isForeignJson({ status, body }: VaultResponse): boolean {
  if (!SAID_BY_GATEWAYS.has(status) || body === undefined) return false;
  return !isJsonObject(body) || !(Object.hasOwn(body, 'errors') || Object.hasOwn(body, 'request_id'));
}

export function notVault(status: number, address: string, why: string): Foreign {
  return {
    failure: {
      kind: 'unavailable',
      message: `the response from ${address} (${String(status)}) is not from a Vault server: ${why}`,
      hint: 'check the address and port, and whether a proxy or a login page is in between',
    },
    isFinal: true,
  };
}

function cut(status: number, address: string): Failure {
  return {
    kind: 'unavailable',
    message: `the response from ${address} (${String(status)}) is cut off: it begins as JSON, but does not end as such`,
    hint: 'look for a proxy in between that limits the size of responses',
  };
}

/** Some paths, those of pki above all, answer with a file. */
function otherType(path: string, type: string): Failure {
  const instead = jsonPathOf(path);
  return {
    kind: 'config',
    message: `the server answers with ${type}, not with JSON`,
    hint:
      instead === undefined
        ? 'this path gives a file, not a secret: look for another one in the API of the engine'
        : `read ${instead} instead: the same as JSON`,
  };
}

/** https://openbao.org/api-docs/secret/pki/ */
function jsonPathOf(path: string): string | undefined {
  const found =
    /^(?<mount>.+)\/(?:(?<cert>ca|crl)(?:\/pem)?|(?<chain>ca_chain|ca\/chain))$/.exec(path)?.groups ?? {};
  const { mount, cert, chain } = found;
  if (mount !== undefined) return `${mount}/cert/${cert ?? (chain === undefined ? '' : 'ca_chain')}`;
  const [, serial] = /^(.+\/cert\/[^/]+)\/raw(?:\/pem)?$/.exec(path) ?? [];
  const [, issuer] = /^(.+\/issuer\/[^/]+)\/(?:pem|der)$/.exec(path) ?? [];
  return serial ?? (issuer === undefined ? undefined : `${issuer}/json`);
}
