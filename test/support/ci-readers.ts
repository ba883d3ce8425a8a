import assert from 'node:assert/strict';

/** What is left for the readers of variables to do, as each of them does it. */
export type Variables = Readonly<Record<string, string>>;

/** Reads the file of `$GITHUB_ENV` or `$GITHUB_OUTPUT` as the runner does. */
export function readGithubFile(text: string): Variables {
  const result: Record<string, string> = {};
  const lines = text.split('\n');
  while (lines.length > 1) {
    const line = lines.shift() ?? '';
    const [, plain, content = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (plain !== undefined) {
      result[plain] = content;
      continue;
    }
    const [, name = '', end = ''] = /^(\w+)<<(.+)$/.exec(line) ?? [];
    const at = lines.indexOf(end);
    assert.ok(name !== '' && at >= 0, 'a block with its end mark');
    result[name] = lines
      .splice(0, at + 1)
      .slice(0, -1)
      .join('\n');
  }
  return result;
}

/** The log of a GitHub job: what workflow commands have masked until then is blacked out. */
export function githubLog(output: string): string {
  const masks: string[] = [];
  const shown: string[] = [];
  for (const line of output.split('\n')) {
    const [, mask] = /^::add-mask::(.*)$/.exec(line) ?? [];
    if (mask === undefined) shown.push(masks.reduce((text, one) => text.replaceAll(one, '***'), line));
    else masks.push(mask.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%'));
  }
  return shown.join('\n');
}

/** The variables that Azure's agent sets, and those that are outputs of the step. */
export function readAzureCommands(output: string): { readonly env: Variables; readonly outputs: Variables } {
  const env: Record<string, string> = {};
  const outputs: Record<string, string> = {};
  for (const [, properties = '', value = ''] of output.matchAll(
    /^##vso\[task\.setvariable ([^\]]*)\](.*)$/gm,
  )) {
    const {
      variable = '',
      issecret,
      isoutput,
    } = Object.fromEntries(properties.split(';').map((property) => property.split('='))) as Record<
      string,
      string
    >;
    assert.equal(issecret, 'true');
    const decoded = value.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%AZP25', '%');
    (isoutput === 'true' ? outputs : env)[variable] = decoded;
  }
  return { env, outputs };
}

/**
 * What `Invoke-Expression` makes of each line: assignments of strings that are joined by `+`. In single quotes only a
 * quote is special, when it stands twice, and there are five of them; in double quotes here only the escapes of line breaks.
 */
export function readPowershell(text: string): Variables {
  const result: Record<string, string> = {};
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, name = '', expression = ''] = /^\$env:(\w+) = (.*)$/.exec(line) ?? [];
    assert.ok(name !== '', 'an assignment');
    result[name] = powershellString(expression);
  }
  return result;
}

function powershellString(expression: string): string {
  const literal = /'((?:[^'‘’‚‛]|['‘’‚‛]{2})*)'|"`([rn])"/y;
  const parts: string[] = [];
  for (let at = 0; at < expression.length; at += 3) {
    literal.lastIndex = at;
    const match = literal.exec(expression);
    assert.ok(match, 'a string that ends where it should');
    const [, single, escape] = match;
    parts.push(single?.replace(/['‘’‚‛](['‘’‚‛])/g, '$1') ?? (escape === 'r' ? '\r' : '\n'));
    at = literal.lastIndex;
    if (at < expression.length) assert.equal(expression.slice(at, at + 3), ' + ');
  }
  return parts.join('');
}
