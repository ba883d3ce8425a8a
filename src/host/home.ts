/**
 * The home directory of the user as the system knows it, whatever `$HOME` says; empty for a user without an entry in
 * /etc/passwd, as in many containers. The module is loaded on demand, because few runs need it.
 */
export function homeOfUser(): string {
  try {
    return process.getBuiltinModule('node:os').homedir();
  } catch {
    return '';
  }
}
