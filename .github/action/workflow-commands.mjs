/** Why the step fails, and with which of the program's exit codes. */
export class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands */
function command(name, text) {
  const escaped = text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  process.stdout.write(`::${name}::${escaped}\n`);
}

/** Fails the step, with an annotation. */
export function tell({ code, message }) {
  command('error title=vaultonce', message);
  process.exitCode = code;
}

/** A credential, which no log may show. What is shorter is in every log. */
export function mask(credential) {
  if (credential.length > 3) command('add-mask', credential);
}
