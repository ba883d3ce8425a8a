/** axios exports its Node adapter under this path, without types. */
declare module 'axios/lib/adapters/http.js' {
  import type { AxiosPromise, RawAxiosRequestConfig } from 'axios';

  /** Sends one request, without what the other parts of axios do before and after it. */
  export default function httpAdapter(config: RawAxiosRequestConfig): AxiosPromise<string>;
}
