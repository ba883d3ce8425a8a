import { AbsentCredential } from '../../host/credential-files.ts';
import type { ThirdPartyAnswer } from '../../http/third-party.ts';
import { askMetadata } from '../metadata.ts';
import type { AuthIo } from '../method.ts';
import type { GcpConfig } from './config.ts';

export const WHAT = "Google's metadata service";
/** The address that `metadata.google.internal` stands for; names take a look-up more, and elsewhere a slow one. */
const HOST = '169.254.169.254';

/**
 * @param path below `instance/`
 * @throws AbsentCredential when this is not a machine of Google, or one without a service account
 * https://cloud.google.com/compute/docs/metadata/querying-metadata
 */
export async function askGoogleMachine(
  path: string,
  config: GcpConfig,
  io: AuthIo,
): Promise<ThirdPartyAnswer> {
  const variable = io.env['GCE_METADATA_HOST'] ?? '';
  const host = config.metadata_host ?? (variable === '' ? undefined : variable);
  const answer = await askMetadata(
    {
      method: 'GET',
      url: `http://${host ?? HOST}/computeMetadata/v1/instance/${path}`,
      headers: { 'Metadata-Flavor': 'Google' },
      what: WHAT,
      named: host !== undefined,
      absent: 'this is not a machine of Google Cloud',
    },
    io,
  );
  if (answer.status !== 404) return answer;
  // Other clouds answer so as well, at the same address.
  throw new AbsentCredential('config', 'this machine has no such service account of Google Cloud', {
    where: 'auth',
    hint: 'attach a service account to the machine, or name one that it has in auth.service_account',
  });
}
