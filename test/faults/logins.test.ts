import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { failuresOf, logLines, startCli } from '../support/cli.ts';
import { signJwt, soon } from '../support/jwt.ts';
import { startStandIn, type Answer, type SeenRequest, type StandIn } from '../support/stand-in.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** A server that refuses for a while: what it depends on is down. */
describe('a kubernetes login that is refused without a reason', () => {
  let workspace: Workspace;
  let server: StandIn;
  let answerLogin: (request: SeenRequest) => Answer;
  const isLogin = ({ path }: Pick<SeenRequest, 'path'>): boolean => path === 'auth/kubernetes/login';
  before(async () => {
    workspace = createWorkspace();
    server = await startStandIn({
      answer: (request) => {
        if (isLogin(request)) return answerLogin(request);
        if (request.path === 'kv/a')
          return { status: 200, body: { request_id: 'r', data: { key: 'value' } } };
        return { status: 204 };
      },
    });
  });
  after(async () => {
    await server.stop();
    workspace.remove();
  });

  const DENIED: Answer = { status: 403, body: { errors: ['permission denied'] } };
  const jwt = (id: string): string =>
    signJwt({ jti: id, aud: ['vault'], sub: 'system:serviceaccount:shop:web', exp: soon() });

  const start = (timeout: string): ReturnType<typeof startCli> => {
    const config = {
      vault: { address: server.address },
      auth: { method: 'kubernetes', role: 'web', token_file: workspace.path('token') },
      secrets: { a: { path: 'kv/a', engine: 'kv1' } },
      output: { directory: workspace.path('out') },
      outputs: [{ path: 'a.txt', contents: '{{a.key}}' }],
      timeout,
    };
    workspace.write('token', jwt('first'));
    return startCli(['render', '-c', workspace.write('config.json', JSON.stringify(config))]);
  };

  test('is tried again for longer than the cluster is down for a moment, with the token of that time', async () => {
    const sent: string[] = [];
    answerLogin = ({ body, atMs }) => {
      const first = server.seen.find(isLogin)?.atMs ?? atMs;
      sent.push((JSON.parse(body) as { jwt: string }).jwt);
      if (atMs - first < 2000) return DENIED;
      return { status: 200, body: { auth: { client_token: 's.token', policies: [], lease_duration: 60 } } };
    };
    const running = start('60s');
    await running.stderrMatches(/"event":"login_waits"/);
    const second = jwt('second');
    workspace.write('token', second);
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    assert.equal(workspace.read('out/a.txt'), 'value');
    assert.equal(sent.at(-1), second, 'the token is read again');
    const waits = logLines(result).filter(({ event }) => event === 'login_waits');
    assert.equal(waits.length, 1, 'told once');
    assert.match(waits[0]?.reason ?? '', /permission denied/);
  });

  test('ends after a quarter of the timeout, with what to look at in the cluster', async () => {
    const from = server.seen.length;
    answerLogin = () => DENIED;
    const result = await start('4s').done;
    assert.equal(result.code, 4, result.stderr);
    const [failure] = failuresOf(result);
    for (const part of [/bao auth list/, /kubernetes_host/, /token_reviewer_jwt/, /token_bound_cidrs/]) {
      assert.match(failure?.hint ?? '', part);
    }
    const times = server.seen
      .slice(from)
      .filter(isLogin)
      .map(({ atMs }) => atMs);
    const lasted = (times.at(-1) ?? 0) - (times[0] ?? 0);
    assert.ok(lasted > 600 && lasted < 2000, String(lasted));
  });

  test('is final where the server names a reason', async () => {
    const from = server.seen.length;
    answerLogin = () => ({ status: 400, body: { errors: ['invalid role name "web"'] } });
    const result = await start('4s').done;
    assert.equal(result.code, 4, result.stderr);
    assert.equal(server.seen.slice(from).filter(isLogin).length, 1);
    const hint = failuresOf(result)[0]?.hint ?? '';
    assert.match(hint, /no such role at this mount/);
    assert.doesNotMatch(hint, /claims|bound_service_account/);
  });
});
