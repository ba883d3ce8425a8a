import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { listening } from '../../base/cancellation.ts';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { AbsentCredential, credentialFromText } from '../../host/credential-files.ts';
import { proxiesForSdk } from '../../http/sdk-proxies.ts';
import type { AuthIo } from '../method.ts';
import type { AwsCredentials } from './signature.ts';

const CONNECT_LIMIT_MS = 2_000;
const REQUEST_LIMIT_MS = 10_000;

/** With one of these set, somebody has said where the credentials are. */
const NAMED_BY = [
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT',
];

/**
 * The credentials that AWS's own SDK finds: of the environment, of the shared files with their profiles (roles, SSO,
 * processes), of a web identity, of the container, of the machine. The SDK is loaded only if the environment has none:
 * loading it takes 25 ms, half of a run.
 * @param profile undefined: `$AWS_PROFILE`, or the default one
 * @throws AbsentCredential when it finds none
 */
export async function foundCredentials(
  profile: string | undefined,
  region: string,
  io: AuthIo,
): Promise<AwsCredentials> {
  const wanted = profile ?? io.env['AWS_PROFILE'] ?? '';
  return (wanted === '' ? fromEnvironment(io) : undefined) ?? (await fromSdk(profile, region, io));
}

function fromEnvironment({ env }: AuthIo): AwsCredentials | undefined {
  const accessKeyId = env['AWS_ACCESS_KEY_ID'] ?? '';
  const secretAccessKey = env['AWS_SECRET_ACCESS_KEY'] ?? '';
  const sessionToken = env['AWS_SESSION_TOKEN'] ?? '';
  if (accessKeyId === '' || secretAccessKey === '') return undefined;
  return credentials(accessKeyId, secretAccessKey, sessionToken, '$AWS_SECRET_ACCESS_KEY');
}

async function fromSdk(profile: string | undefined, region: string, io: AuthIo): Promise<AwsCredentials> {
  const { defaultProvider } = await import('./sdk.ts');
  const proxyEnv = proxiesForSdk(io.env);
  const ended = Promise.withResolvers<never>();
  const end = (): void => {
    ended.reject(io.signal.reason);
  };
  const provider = defaultProvider({
    ...(profile === undefined ? {} : { profile }),
    logger: SILENT,
    clientConfig: {
      region,
      requestHandler: {
        connectionTimeout: CONNECT_LIMIT_MS,
        requestTimeout: REQUEST_LIMIT_MS,
        // The SDK itself knows no proxies.
        httpAgent: new HttpAgent({ proxyEnv }),
        httpsAgent: new HttpsAgent({ proxyEnv }),
      },
    },
  });
  try {
    const found = await listening(io.signal, end, () => Promise.race([provider(), ended.promise]));
    return credentials(found.accessKeyId, found.secretAccessKey, found.sessionToken ?? '', 'the AWS SDK');
  } catch (error) {
    io.throwIfEnded();
    throw failureOf(error as SdkError, io);
  }
}

/** What the SDK warns of quotes variables and paths, and is not in our format. */
const nothing = (): void => undefined;
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing, trace: nothing };

interface SdkError {
  readonly name: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Only names and numbers are kept of an error: its text may quote answers, and commands of the shared files. */
function failureOf(error: SdkError, { env }: AuthIo): RunError {
  const name = /^\w+$/.test(error.name) ? error.name : 'unknown error';
  const status = error.$metadata?.httpStatusCode;
  if (status !== undefined && status >= 400 && status < 500 && status !== 429) {
    return new RunError('auth', `AWS refused to give credentials (${name}, ${String(status)})`, {
      where: 'auth',
      hint: 'look at the trust policy of the role that is assumed, and at the audience and the age of the token',
    });
  }
  const named = NAMED_BY.find((variable) => (env[variable] ?? '') !== '');
  if (name === 'CredentialsProviderError' && named === undefined) {
    return new AbsentCredential('config', 'the AWS SDK finds no credentials', {
      where: 'auth',
      hint: 'give the workload a role (IRSA, Pod Identity, a task or instance role), set $AWS_ACCESS_KEY_ID and $AWS_SECRET_ACCESS_KEY, or name a profile',
    });
  }
  const why =
    name === 'CredentialsProviderError' ? `of $${named ?? ''}` : `(${systemErrorCode(error) ?? name})`;
  return new RunError('unavailable', `AWS gave no credentials ${why}`, {
    where: 'auth',
    hint: 'is the service up, and does the variable lead to it?',
  });
}

function credentials(id: string, secret: string, token: string, where: string): AwsCredentials {
  return {
    accessKeyId: id.trim(),
    secretAccessKey: credentialFromText(secret, 'the secret access key', where),
    sessionToken: token === '' ? undefined : new Secret(token.trim()),
  };
}
