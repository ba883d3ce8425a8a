import { printed } from './handover.ts';

/**
 * For `Invoke-Expression`, which gets what a program prints line by line: so there is one line for each variable, and
 * line breaks are written as escapes. To PowerShell an empty variable is none.
 * https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
 */
export const powershell = printed(
  'powershell',
  (variables) => variables.map(({ name, text }) => `$env:${name} = ${expressionOf(text)}\n`).join(''),
  (exitCode) => `throw 'vaultonce failed with exit code ${String(exitCode)}'\n`,
);

const ESCAPES: Readonly<Record<string, string>> = { '\r': '"`r"', '\n': '"`n"' };

function expressionOf(text: string): string {
  const parts = text.split(/([\r\n])/).filter((part) => part !== '');
  return parts.length === 0 ? "''" : parts.map((part) => ESCAPES[part] ?? quoted(part)).join(' + ');
}

/** PowerShell takes typographic quotes for quotes, too; each is itself when it stands twice. */
function quoted(text: string): string {
  return `'${text.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`;
}
