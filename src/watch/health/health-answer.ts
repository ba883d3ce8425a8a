export interface HealthAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly allow?: string;
}

/** What is served, by its path. */
export type Pages<Answer extends HealthAnswer | Promise<HealthAnswer>> = Readonly<
  Record<string, (query: URLSearchParams) => Answer>
>;

const TEXT = 'text/plain; charset=utf-8';

/**
 * What a request gets.
 * @param target path and query, as they came
 */
export function answerTo<Answer extends HealthAnswer | Promise<HealthAnswer>>(
  method: string,
  target: string,
  pages: Pages<Answer>,
): Answer | HealthAnswer {
  const url = URL.parse(target, 'http://localhost');
  const page = url !== null && Object.hasOwn(pages, url.pathname) ? pages[url.pathname] : undefined;
  if (url === null || page === undefined) return said(404, 'not found');
  if (method !== 'GET' && method !== 'HEAD')
    return { ...said(405, 'method not allowed'), allow: 'GET, HEAD' };
  return page(url.searchParams);
}

/** A page of plain text. */
export function said(status: number, ...lines: readonly string[]): HealthAnswer {
  return { status, type: TEXT, text: `${lines.join('\n')}\n` };
}
