import { join } from 'node:path';
import { RunError } from '../../base/errors.ts';
import { parseJsonObject, type JsonObject } from '../../base/lossless-json.ts';
import { Secret } from '../../base/secret.ts';
import {
  credentialFromText,
  fileExists,
  placeOf,
  textFromFile,
  type CredentialFile,
} from '../../host/credential-files.ts';
import { objectIn, refusedBy, textIn } from '../metadata.ts';
import type { AuthIo } from '../method.ts';
import { signRsa } from '../rsa.ts';
import { accessToken, askWithToken, type Access } from './access-token.ts';
import type { GcpConfig } from './config.ts';
import { askGoogleMachine, WHAT as MACHINE } from './machine.ts';

const API = 'https://iamcredentials.googleapis.com';
const WHAT = "Google's IAM Credentials API";
/** Less than the 15 minutes that a mount allows (`max_jwt_exp`), for clocks that differ. */
const LIFETIME_S = 600;

/**
 * A JWT that says who it is from and for which role. Who holds the key of the service account signs it himself; everybody
 * else has it signed.
 * https://developer.hashicorp.com/vault/docs/auth/gcp#iam-login
 */
export async function signWithIam(config: GcpConfig, io: AuthIo): Promise<Secret> {
  const found = findCredential(config, io);
  if (found?.json['type'] === 'service_account') return signWithKey(found.json, found.where, config.role);
  const access = found === undefined ? await machineAccess(config, io) : await accessToken(found, io);
  const subject = config.service_account ?? access.email;
  if (subject === undefined) {
    throw new RunError('config', 'whose JWT is to be signed is not said', {
      where: 'auth.service_account',
      hint: 'name the e-mail of the service account: this kind of credential does not say it',
    });
  }
  const signed = await askWithToken(
    {
      url: `${config.iam_endpoint ?? API}/v1/projects/-/serviceAccounts/${encodeURIComponent(subject)}:signJwt`,
      token: access.token,
      body: { payload: JSON.stringify(claims(subject, config.role)) },
      what: WHAT,
      refusedHint:
        'the caller needs iam.serviceAccounts.signJwt (roles/iam.serviceAccountTokenCreator) on the service account, and a machine the scope cloud-platform',
    },
    io,
  );
  return credentialFromText(textIn(signed, 'signedJwt', WHAT), 'the signed JWT', WHAT);
}

function claims(subject: string, role: string): JsonObject {
  return { sub: subject, aud: `vault/${role}`, exp: Math.floor(Date.now() / 1000) + LIFETIME_S };
}

function signWithKey(key: JsonObject, where: string, role: string): Secret {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = { alg: 'RS256', typ: 'JWT', kid: textIn(key, 'private_key_id', where) };
  const input = `${part(header)}.${part(claims(textIn(key, 'client_email', where), role))}`;
  const signature = Buffer.from(signRsa(input, textIn(key, 'private_key', where), where), 'base64');
  return new Secret(`${input}.${signature.toString('base64url')}`);
}

interface Credential {
  readonly json: JsonObject;
  /** For messages. */
  readonly where: string;
}

/** https://cloud.google.com/docs/authentication/application-default-credentials */
function findCredential(
  { credentials, credentials_file: file }: GcpConfig,
  { env }: AuthIo,
): Credential | undefined {
  if (credentials !== undefined) return parsed(credentials.reveal(), 'auth.credentials');
  const named = file ?? env['GOOGLE_APPLICATION_CREDENTIALS'] ?? '';
  const field = file === undefined ? '$GOOGLE_APPLICATION_CREDENTIALS' : 'auth.credentials_file';
  if (named !== '') return fromFile({ path: named, what: 'the credential of Google Cloud', field });
  const directory = env['CLOUDSDK_CONFIG'] ?? join(env['HOME'] ?? '/', '.config/gcloud');
  const wellKnown = join(directory, 'application_default_credentials.json');
  return fileExists(wellKnown)
    ? fromFile({ path: wellKnown, what: 'the credential of gcloud', field: '$CLOUDSDK_CONFIG' })
    : undefined;
}

function fromFile(file: CredentialFile): Credential {
  return parsed(textFromFile(file).reveal(), placeOf(file, true));
}

function parsed(text: string, where: string): Credential {
  const json = parseJsonObject(text);
  if (json !== undefined) return { json, where };
  throw new RunError('config', 'the credential is not a JSON object', { where });
}

/** https://cloud.google.com/compute/docs/access/authenticate-workloads#applications */
async function machineAccess(config: GcpConfig, io: AuthIo): Promise<Access> {
  const answer = await askGoogleMachine('service-accounts/default/token', config, io);
  if (answer.status !== 200) throw refusedBy(MACHINE, answer.status);
  const token = new Secret(textIn(objectIn(answer, MACHINE), 'access_token', MACHINE));
  if (config.service_account !== undefined) return { token, email: config.service_account };
  const { status, text } = await askGoogleMachine('service-accounts/default/email', config, io);
  if (status !== 200) throw refusedBy(MACHINE, status);
  return { token, email: text.trim() };
}
