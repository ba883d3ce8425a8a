import { RunError } from '../../base/errors.ts';
import { isJsonObject, type JsonObject } from '../../base/lossless-json.ts';
import { Secret } from '../../base/secret.ts';
import { credentialFromText, placeOf, textFromFile } from '../../host/credential-files.ts';
import { askThirdParty } from '../../http/third-party.ts';
import { objectIn, refusedBy, textIn } from '../metadata.ts';
import type { AuthIo } from '../method.ts';

/** What opens Google's APIs, and whose it is as far as that is known. */
export interface Access {
  readonly token: Secret;
  readonly email: string | undefined;
}

interface Credential {
  readonly json: JsonObject;
  readonly where: string;
}

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const WHAT = "Google's token service";

/**
 * An access token for a credential that is not a key: that of a user of gcloud, or of a workload elsewhere (identity
 * federation) whose token is in a file or behind an address.
 * https://google.aip.dev/auth/4117
 */
export async function accessToken({ json, where }: Credential, io: AuthIo): Promise<Access> {
  switch (json['type']) {
    case 'authorized_user':
      return { token: await userToken(json, where, io), email: undefined };
    case 'external_account':
      return federatedToken(json, where, io);
    default:
      throw new RunError('config', 'this kind of credential of Google Cloud cannot be used here', {
        where,
        hint: 'use a service account key, the credential of a user, of workload identity federation (with a file or an address), or none on a machine of Google Cloud',
      });
  }
}

async function userToken(json: JsonObject, where: string, io: AuthIo): Promise<Secret> {
  const body = {
    grant_type: 'refresh_token',
    client_id: textIn(json, 'client_id', where),
    client_secret: textIn(json, 'client_secret', where),
    refresh_token: textIn(json, 'refresh_token', where),
  };
  return exchange(
    typeof json['token_uri'] === 'string' ? json['token_uri'] : 'https://oauth2.googleapis.com/token',
    body,
    io,
  );
}

async function federatedToken(json: JsonObject, where: string, io: AuthIo): Promise<Access> {
  const subjectToken = await subjectTokenOf(json['credential_source'], where, io);
  const body = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: textIn(json, 'audience', where),
    subject_token_type: textIn(json, 'subject_token_type', where),
    subject_token: subjectToken.reveal(),
    scope: SCOPE,
  };
  const token = await exchange(textIn(json, 'token_url', where), body, io);
  const url = json['service_account_impersonation_url'];
  if (typeof url !== 'string') return { token, email: undefined };
  return {
    token: await impersonate(url, token, io),
    email: /\/serviceAccounts\/([^/:]+):/.exec(url)?.[1],
  };
}

/** A workload may ask for the service account's token, but rarely sign for it. */
async function impersonate(url: string, token: Secret, io: AuthIo): Promise<Secret> {
  const answer = await askWithToken(
    {
      url,
      token,
      body: { scope: [SCOPE] },
      what: WHAT,
      refusedHint: 'the workload needs roles/iam.workloadIdentityUser on the service account',
    },
    io,
  );
  return new Secret(textIn(answer, 'accessToken', WHAT));
}

interface TokenRequest {
  readonly url: string;
  readonly token: Secret;
  readonly body: object;
  readonly what: string;
  readonly refusedHint: string;
}

/**
 * Posts to one of Google's APIs.
 * @throws RunError `auth` for a refusal, and for an answer that is not a JSON object
 */
export async function askWithToken(
  { url, token, body, what, refusedHint }: TokenRequest,
  io: AuthIo,
): Promise<JsonObject> {
  const headers = {
    Authorization: new Secret(`Bearer ${token.reveal()}`),
    'Content-Type': 'application/json',
  };
  const answer = await askThirdParty({ method: 'POST', url, headers, body: JSON.stringify(body), what }, io);
  if (answer.status !== 200) throw refusedBy(what, answer.status, refusedHint);
  return objectIn(answer, what);
}

async function subjectTokenOf(source: unknown, where: string, io: AuthIo): Promise<Secret> {
  const what = 'the token of the workload';
  const { file, url, format, headers } = isJsonObject(source) ? source : {};
  const isJson = isJsonObject(format) && format['type'] === 'json';
  const field = isJson ? textIn(format, 'subject_token_field_name', where) : undefined;
  const inside = (text: string, from: string): Secret => {
    const token = field === undefined ? text : textIn(objectIn({ status: 200, text }, what), field, what);
    return credentialFromText(token, what, from);
  };
  if (typeof file === 'string') {
    const subject = { path: file, what, field: `credential_source of ${where}` };
    return inside(textFromFile(subject).reveal(), placeOf(subject, true));
  }
  if (typeof url === 'string') {
    const service = 'the token service of the workload';
    const wanted = Object.entries(isJsonObject(headers) ? headers : {});
    const secrets = wanted.flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, new Secret(value)] as const] : [],
    );
    const answer = await askThirdParty(
      { method: 'GET', url, headers: Object.fromEntries(secrets), what: service },
      io,
    );
    if (answer.status !== 200) throw refusedBy(service, answer.status);
    return inside(answer.text, service);
  }
  throw new RunError('config', 'where the token of the workload is cannot be used here', {
    where,
    hint: 'it must be in a file or behind an address; for a workload of AWS, log in with `method: aws`',
  });
}

async function exchange(url: string, body: Readonly<Record<string, string>>, io: AuthIo): Promise<Secret> {
  const answer = await askThirdParty(
    {
      method: 'POST',
      url,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new Secret(new URLSearchParams(body).toString()),
      what: WHAT,
    },
    io,
  );
  if (answer.status !== 200) throw refusedBy(WHAT, answer.status, 'the credential may be revoked or expired');
  return new Secret(textIn(objectIn(answer, WHAT), 'access_token', WHAT));
}
