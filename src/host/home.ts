/**
 * Where the system says that the user is at home, whatever `$HOME` says; empty for a user without an entry in
 * /etc/passwd, as containers have them. Few runs ask: the module is loaded for those.
 */
export function homeOfUser(): string {
  try {
    return process.getBuiltinModule('node:os').homedir();
  } catch {
    return '';
  }
}
