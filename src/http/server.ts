import type { Secret } from '../base/secret.ts';
import type { RateLimit } from '../shape/rate-limit.ts';

export interface TlsSettings {
  readonly ca: CaSetting | undefined;
  /** A file of further CAs, which `ca` does not replace: `$NODE_EXTRA_CA_CERTS` beside CAs of the system. */
  readonly extraCa: string | undefined;
  /** A file. */
  readonly clientCert: string | undefined;
  /** A file. */
  readonly clientKey: string | undefined;
  /** Of an encrypted `clientKey`: the password itself, or a file that contains it. */
  readonly clientKeyPassword: Secret | { readonly file: string } | undefined;
  /** Trust the CAs of the operating system instead of the built-in ones. */
  readonly systemCa: boolean;
  readonly serverName: string | undefined;
  readonly skipVerify: boolean;
  /** Where the files of the client are named, for messages: `$VAULT_CLIENT_KEY`. Undefined: in `vault.tls`. */
  readonly fields?: Readonly<Partial<Record<'clientCert' | 'clientKey', string>>>;
}

/** A proxy that requests to a server go through. */
export interface Proxy {
  /** With user and password, if it has them. */
  readonly url: string;
  /** For messages: `proxy.example.com:3128`. */
  readonly name: string;
  /** The variable or key that names it. */
  readonly from: string;
}

export interface CaSetting {
  /** `paths`: directories, with colons between them. */
  readonly kind: 'bytes' | 'file' | 'path' | 'paths';
  readonly value: string;
  /** The variable, flag or key that it comes from. */
  readonly from: string;
}

export interface ServerSettings {
  /** `http://` or `https://`, without a slash at the end; or `unix://` and the path of a socket. */
  readonly address: string;
  readonly namespace: string | undefined;
  readonly tls: TlsSettings;
  /** Limit of a single request. */
  readonly clientTimeoutMs: number;
  /** The same for one that must not be repeated: nothing is won by giving it up early. */
  readonly mintTimeoutMs: number;
  /** Undefined: as many as the run's timeout allows. */
  readonly maxRetries: number | undefined;
  readonly rateLimit: RateLimit | undefined;
  /** It is used whatever the environment says. */
  readonly proxyAddress: Proxy | undefined;
}
