/** The body of an answer of the server. */
export interface ApiAnswer {
  readonly data?: Readonly<Record<string, unknown>>;
  readonly auth?: { readonly client_token: string };
  readonly wrap_info?: { readonly token: string };
}

/** The server's API with the root token, for setting things up and looking at them. */
export interface Api {
  request(method: string, path: string, body?: unknown, namespace?: string): Promise<ApiAnswer>;
  get(path: string): Promise<ApiAnswer>;
  post(path: string, body?: unknown): Promise<ApiAnswer>;
}

export function createApi(address: string, token: string): Api {
  const request: Api['request'] = async (method, path, body, namespace) => {
    const response = await fetch(`${address}/v1/${path}`, {
      method,
      headers: {
        'X-Vault-Token': token,
        ...(namespace === undefined ? {} : { 'X-Vault-Namespace': namespace }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${String(response.status)} ${text}`);
    return text === '' ? {} : (JSON.parse(text) as ApiAnswer);
  };
  return {
    request,
    get: (path) => request('GET', path),
    post: (path, body) => request('POST', path, body ?? {}),
  };
}
