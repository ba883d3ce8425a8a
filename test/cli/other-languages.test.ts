import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';
import { createWorkspace } from '../support/workspace.ts';

const workspace = createWorkspace();
after(() => {
  workspace.remove();
});

const AGENT = `# Vault Agent
exit_after_auth = true
vault {
  address = "https://canary.example.com:8200"
}
auto_auth {
  method "approle" {
    config = { role_id_file_path = "canary", secret_id_file_path = "canary" }
  }
}
template {
  source = "canary.ctmpl"
  destination = "/canary"
}
env_template "CANARY" {
  contents = "{{ with secret \\"secret/data/db\\" }}{{ .Data.data.canary }}{{ end }}"
}
`;

describe('configs and templates of other tools', () => {
  const check = (text: string, name = 'agent.hcl'): Promise<CliResult> =>
    runCli(['check', '-c', workspace.write(name, text)]);

  test('3: HCL, with the same in YAML, and nothing of what it holds', async () => {
    for (const name of ['agent.hcl', 'agent.yaml', 'agent.json']) {
      const result = await check(AGENT, name);
      assert.equal(result.code, 3, result.stderr);
      assert.doesNotMatch(result.stderr, /canary/i);
      const [failure, ...more] = failuresOf(result);
      assert.deepEqual(more, []);
      assert.equal(
        failure?.message,
        'this looks like HCL, such as a config of Vault Agent or consul-template; vaultonce reads YAML or JSON',
      );
      assert.match(failure.hint ?? '', /^let `vaultonce migrate FILE` make a config of it/);
      assert.match(failure.where ?? '', /agent\.\w+:2$/);
      assert.deepEqual(failure.details, [
        'line 2: `exit_after_auth` is not needed: a run always ends',
        'line 3: `vault` becomes `vault: { address: https://vault.example.com:8200 }`',
        'line 6: `auto_auth` becomes `auth: { method: approle, role_id_file: FILE, secret_id_file: FILE }`',
        'line 11: `template` becomes an entry of `outputs:`, as `{ path: /run/secrets/app.conf, template: app.conf.mustache }`; templates are Mustache',
        'line 15: `env_template` becomes `environment: { NAME: secret/app/db#password }`',
      ]);
    }
  });

  test('what takes the place of HCL is a valid config', async () => {
    workspace.write('app.conf.mustache', '{{db.password}}');
    const { details = [] } = failuresOf(await check(`${AGENT}secret {\n  path = "secret/db"\n}\n`))[0] ?? {};
    const snippets = details.flatMap((line) => /becomes `(\w+: .*)`/.exec(line)?.[1] ?? []);
    assert.equal(snippets.length, 4);
    const output = /as `(\{ path.*\})`/.exec(details.join('\n'))?.[1] ?? '';
    const config = [...snippets, `outputs: [${output}]`, 'output: { allow_disk: true }'].join('\n');
    const { code, stderr } = await check(config, 'vaultonce.yaml');
    assert.equal(code, 0, stderr);
  });

  test('3: each login of Vault Agent has its method here', async () => {
    for (const [method, expected] of [
      ['method "kubernetes" {', 'kubernetes, role: ROLE'],
      ['method {\n    type = "jwt"', 'jwt, role: ROLE'],
      ['method "token_file" {', 'token, token_file: FILE'],
      ['method "cert" {', 'cert'],
      ['method "canary" {', 'kubernetes, role: ROLE'],
    ] as const) {
      const result = await check(`auto_auth {\n  ${method}\n    x = 1\n  }\n}\n`);
      assert.deepEqual(failuresOf(result)[0]?.details, [
        `line 1: \`auto_auth\` becomes \`auth: { method: ${expected} }\``,
      ]);
    }
  });

  test('3: a config that is a template', async () => {
    for (const [text, language] of [
      ['vault:\n  address: {{ .Values.address }}\n', 'Go template'],
      ['vault: { address: {{ env "CANARY" }} }\n', 'Go template'],
      ['{{- if .Values.x }}\nsecrets: {}\n{{- end }}\n', 'Go template'],
      ['{% if x %}\nsecrets: {}\n{% endif %}\n', 'Jinja template'],
    ] as const) {
      const result = await check(text, 'template.yaml');
      assert.equal(result.code, 3);
      const [failure] = failuresOf(result);
      assert.match(failure?.message ?? '', new RegExp(`^this looks like a ${language}.*not a template$`));
      assert.match(failure?.hint ?? '', /\$\{VAR:-default\}/);
      assert.doesNotMatch(result.stderr, /canary/i);
    }
  });

  test('3: a mistake in YAML or JSON is still that, whatever stands in its texts', async () => {
    for (const text of [
      'outputs:\n  - contents: |\n      vault {\n        address = "x"\n      }\n  path: [\n',
      'vault { address: x }\nsecrets:\n  db: [\n',
      '{ "vault": { "address": "a = b" }',
      'vault: {{db.address}}\n',
      'server { listen = 1 }',
      'VAULT_ADDR = "x"',
    ]) {
      const result = await check(text, 'mistake.yaml');
      assert.equal(result.code, 3);
      assert.match(failuresOf(result)[0]?.message ?? '', /^invalid |not a map/, text);
    }
  });

  test('7: a template of Vault Agent in a file, a partial and inline, each with its place', async () => {
    workspace.write(
      'web.ctmpl',
      'a\n{{ with secret "secret/data/canary" }}{{ .Data.data.password }}{{ end }}\n',
    );
    workspace.write('part.mustache', '\n\n{{ .Data.data.password | toJSON }}');
    const config = workspace.write(
      'vaultonce.yaml',
      `vault: { address: "http://127.0.0.1:1" }
secrets: { db: secret/db }
outputs:
  - { path: /dev/shm/a, template: web.ctmpl }
  - { path: /dev/shm/b, contents: '{{> part}}' }
  - { path: /dev/shm/c, contents: '{{ .Data.data.password }}' }
`,
    );
    const fixtures = workspace.write('fixtures.yaml', 'db: { password: x }\n');
    for (const args of [['check'], ['render'], ['render', '--fixtures', fixtures]]) {
      const result = await runCli([...args, '-c', config]);
      assert.equal(result.code, 7, result.stderr);
      assert.doesNotMatch(result.stderr, /canary/);
      const failures = failuresOf(result);
      assert.deepEqual(
        failures.map(({ where }) => where?.replace(/.*, /, '')),
        ['web.ctmpl:2', 'part.mustache:3', 'contents:1'],
      );
      for (const { message, hint } of failures) {
        assert.match(message ?? '', /^this looks like a Go template \(Vault Agent, consul-template\), `/);
        assert.equal(
          hint,
          'declare the secret under `secrets:` as `db`, and write `{{db.password}}` here: templates are Mustache; `vaultonce migrate` converts those of Go',
        );
      }
    }
  });
});
