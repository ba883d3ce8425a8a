import { RunError, type Failure } from '../../base/errors.ts';
import { sendOnce } from '../../http/send-once.ts';
import type { HandlerKind } from './handler-kind.ts';

/** An HTTP request is sent. It has no body, and nothing of the secrets in it. */
export const http: HandlerKind<'http'> = {
  describe: ({ method, url }) => `${method} to ${hostOf(url)}`,
  check: ({ url, where }) => {
    const problem = problemOf(url);
    return problem === undefined ? [] : [{ kind: 'config', where: `${where}.http.url`, ...problem }];
  },
  async tell({ method, url, timeoutMs }, _news, _parts, scope) {
    const status = await sendOnce({ method, url, timeoutMs }, scope);
    if (status < 300) return;
    const hint = status < 400 ? 'redirects are not followed: name the last address' : undefined;
    throw new RunError('unavailable', `it answered ${String(status)}`, { hint });
  },
};

function problemOf(url: string): Pick<Failure, 'message' | 'hint'> | undefined {
  if (/^unix:\/\/\/./.test(url)) return undefined;
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || !/^https?:\/\/[^/]/i.test(url)) {
    return { message: 'this is not an HTTP URL', hint: 'write `http://`, `https://` or `unix:///path`' };
  }
  if (parsed.username === '' && parsed.password === '') return undefined;
  return { message: 'a user or a password in a URL is not sent', hint: 'the request carries no credentials' };
}

/** The rest of the URL may be a credential: that of a webhook is. */
function hostOf(url: string): string {
  return url.startsWith('unix:') ? 'a unix socket' : (URL.parse(url)?.host ?? '');
}
