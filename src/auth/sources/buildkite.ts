import { abortSignalOf } from '../../base/cancellation.ts';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { AbsentCredential, credentialFromText } from '../../host/credential-files.ts';
import type { AuthIo } from '../method.ts';
import type { JwtSource } from './identity-source.ts';

/** What Buildkite's own examples call the server of its tokens. */
const DEFAULT_AUDIENCE = 'vault';
const HINT = 'look at what `buildkite-agent oidc request-token` says in the job itself';

/** https://buildkite.com/docs/agent/cli/reference/oidc */
export const buildkite: JwtSource = {
  about: 'A job of Buildkite.',
  without: ['serviceConnectionId'],
  variables: ['BUILDKITE_AGENT_ACCESS_TOKEN'],
  async find({ audience = DEFAULT_AUDIENCE }, io) {
    if ((io.env['BUILDKITE'] ?? '') === '') {
      throw new AbsentCredential('config', 'this is not a Buildkite job', { where: 'auth.source' });
    }
    return credentialFromText(await askAgent(audience, io), "the agent's identity token", 'auth.source');
  },
};

/** The agent knows how to ask, and repeats its request by itself. What it prints on stderr may hold anything. */
async function askAgent(audience: string, io: AuthIo): Promise<string> {
  const { execFile } = await import('node:child_process');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(
    'buildkite-agent',
    ['oidc', 'request-token', '--audience', audience],
    { signal: abortSignalOf(io.signal), env: { ...io.env } },
    (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(failureOf(error));
    },
  );
  try {
    return await promise;
  } finally {
    io.throwIfEnded();
  }
}

function failureOf(error: Error & { code?: unknown }): RunError {
  const why =
    systemErrorCode(error) === 'ENOENT'
      ? 'is not on the PATH'
      : `gave no identity token (status ${String(error.code)})`;
  return new RunError('auth', `buildkite-agent ${why}`, { where: 'auth.source', hint: HINT });
}
