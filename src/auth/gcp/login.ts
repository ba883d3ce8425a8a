import type { Secret } from '../../base/secret.ts';
import { credentialFromText } from '../../host/credential-files.ts';
import { baseOf } from '../../http/proxy.ts';
import { refusedBy } from '../metadata.ts';
import { loginPath } from '../login-mounts.ts';
import type { AuthIo, LoginRequest, LoginServer } from '../method.ts';
import type { GcpConfig } from './config.ts';
import { signWithIam } from './iam.ts';
import { askGoogleMachine, WHAT } from './machine.ts';

/** Posts a JWT that Google vouches for. */
export async function gcpLogin(config: GcpConfig, io: AuthIo, server: LoginServer): Promise<LoginRequest> {
  const jwt =
    config.type === 'gce' ? await machineIdentity(config, io, server) : await signWithIam(config, io);
  return { kind: 'login', path: loginPath(config), body: { role: config.role, jwt }, jwt };
}

/** https://cloud.google.com/compute/docs/instances/verifying-instance-identity */
async function machineIdentity(config: GcpConfig, io: AuthIo, { address }: LoginServer): Promise<Secret> {
  // The server looks at the end of it alone: `vault/ROLE`.
  const query = new URLSearchParams({ audience: `${baseOf(address)}/vault/${config.role}`, format: 'full' });
  const answer = await askGoogleMachine(
    `service-accounts/${encodeURIComponent(config.service_account ?? 'default')}/identity?${query.toString()}`,
    config,
    io,
  );
  if (answer.status !== 200)
    throw refusedBy(WHAT, answer.status, 'does the machine have this service account?');
  return credentialFromText(answer.text, "the machine's identity token", WHAT);
}
