import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type ClientHttp2Session } from 'node:http2';
import { cpuMsOf } from './cpu-time.ts';
import type { HerdSite } from './herd-site.ts';
import type { ServiceTimes } from './sim-server.ts';

const TIMES = 400;
const AT_ONCE = 16;
const MOUNTS = 'sys/internal/ui/mounts';

interface Ask {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly token?: string | undefined;
  readonly body?: object;
}

/**
 * What each kind of request, and a connection, costs the server: its CPU time while it answers many of that kind, some at once, over one
 * connection.
 */
export async function measureServiceTimes(site: HerdSite): Promise<ServiceTimes> {
  const { server, job } = site;
  const ca = readFileSync(job.caFile);
  const open = async (): Promise<ClientHttp2Session> => {
    const session = connect(job.address, { ca });
    await once(session, 'remoteSettings');
    return session;
  };
  const cost = async (work: (nth: number) => Promise<unknown>): Promise<number> => {
    const beforeMs = cpuMsOf(server.pid);
    await manyTimes(work);
    return (cpuMsOf(server.pid) - beforeMs) / TIMES;
  };
  const session = await open();
  const tokens: string[] = [];
  const request = (asked: Ask, expected = 200) => ask(session, asked, expected);
  const { roleId: role_id, secretId: secret_id, paths } = job;
  const logIn = async (): Promise<void> => {
    const answer = await request({
      method: 'POST',
      path: 'auth/approle/login',
      body: { role_id, secret_id },
    });
    tokens.push((JSON.parse(answer) as { auth: { client_token: string } }).auth.client_token);
  };
  const as = (nth: number): Pick<Ask, 'token'> => ({ token: tokens[nth] });
  const read: Ask = { method: 'GET', path: `secret/data/${paths[0] ?? ''}` };
  // Both sides compile, and fill their caches.
  await manyTimes(async () => {
    (await open()).close();
    await logIn();
  });
  const times = {
    handshake: await cost(async () => {
      (await open()).close();
    }),
    login: await cost(logIn),
    mounts: await cost((nth) => request({ method: 'GET', path: MOUNTS, ...as(nth) })),
    mount: await cost((nth) => request({ method: 'GET', path: `${MOUNTS}/${read.path}`, ...as(nth) })),
    read: await cost((nth) => request({ ...read, ...as(nth) })),
    renew: await cost((nth) => request({ method: 'POST', path: 'auth/token/renew-self', ...as(nth) })),
    revoke: await cost((nth) => request({ method: 'POST', path: 'auth/token/revoke-self', ...as(nth) }, 204)),
    rejected: await site.underQuota(1, async () => {
      const refused = (nth: number): Promise<string> => request({ ...read, ...as(TIMES + nth) }, 429);
      // The quota lets one through in each second.
      return cost((nth) => refused(nth).catch(() => undefined));
    }),
  };
  session.close();
  await server.revokeTokens();
  return times;
}

async function manyTimes(work: (nth: number) => Promise<unknown>): Promise<void> {
  let begun = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (begun < TIMES) {
        begun += 1;
        await work(begun - 1);
      }
    }),
  );
}

async function ask(
  session: ClientHttp2Session,
  { method, path, token, body }: Ask,
  expected: number,
): Promise<string> {
  const stream = session.request({
    ':method': method,
    ':path': `/v1/${path}`,
    ...(token === undefined ? {} : { 'x-vault-token': token }),
  });
  let status: number | undefined;
  let text = '';
  // Reading begins before the answer does: the server may close the stream right behind it.
  stream
    .setEncoding('utf8')
    .on('response', (headers) => (status = headers[':status']))
    .on('data', (part: string) => (text += part));
  stream.end(body === undefined ? undefined : JSON.stringify(body));
  await once(stream, 'close');
  if (status === expected) return text;
  throw new Error(`${path}: ${String(status)} ${text}`);
}
