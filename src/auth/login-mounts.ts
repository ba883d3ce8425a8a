/**
 * Where the methods are mounted, if the config does not say it, whose first request is a login at `MOUNT/login`: known without loading
 * one.
 */
export const LOGIN_MOUNTS: Readonly<Record<string, string>> = {
  approle: 'approle',
  kubernetes: 'kubernetes',
  jwt: 'jwt',
};

/** Where most methods log in, below `auth/`. */
export function loginPath({ mount }: { readonly mount: string }): string {
  return `${mount}/login`;
}
