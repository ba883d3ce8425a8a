import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { dump, load } from 'js-yaml';
import { startApp, type TestApp } from '../support/app.ts';
import { findServer } from '../support/binary.ts';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';

const run = promisify(execFile);

/** Templates as the documents of the agent and of consul-template have them, and near ones. */
const TEMPLATES: Readonly<Record<string, string>> = {
  plain: '{{ with secret "secret/data/web/db" }}{{ .Data.data.username }}:{{ .Data.data.password }}{{ end }}',
  lines: '{{ with secret "secret/data/web/db" }}\nuser={{ .Data.data.username }}\n\n{{ end }}\n\nend\n',
  trimmed: '{{- with secret "secret/data/web/db" -}}\n  user: {{ .Data.data.username }}\n{{- end -}}\n  ',
  all: '{{ with secret "secret/data/web/db" }}{{ range $k, $v := .Data.data }}{{ $k }}={{ $v }}\n{{ end }}{{ end }}',
  'all lines':
    '{{ with secret "secret/data/web/db" }}\n{{ range $k, $v := .Data.data }}\n  {{ $k }}: {{ $v }}\n{{ end }}\n{{ end }}\n',
  'all trimmed':
    '{{ range $k, $v := (secret "secret/data/web/db").Data.data -}}\nexport {{ $k }}="{{ $v }}"\n{{ end -}}\n',
  kv1: '{{ with secret "kv1/old" }}{{ .Data.data }}/{{ .Data.password }}{{ end }}\n',
  'no data in the path': '{{ with secret "secret/web/db" }}{{ .Data.data.password }}{{ end }}',
  version:
    '{{ with secret "secret/data/web/db?version=1" }}{{ .Data.data.password }} {{ .Data.metadata.version }}{{ end }}',
  variables:
    '{{ $db := secret "secret/data/web/db" }}{{ $p := $db.Data.data.password }}a {{ $p }} b {{ $p }}\n',
  'with variable':
    '{{ with $s := secret "secret/data/web/db" }}{{ $s.Data.data.host }}{{ .Data.data.host }}{{ end }}',
  dot: '{{ with secret "secret/data/web/db" }}{{ with .Data.data.password }}{{ . }}{{ else }}none{{ end }}{{ with .Data.data.empty }}{{ . }}{{ else }}none{{ end }}{{ end }}',
  conditions:
    '{{ with secret "secret/data/web/db" }}{{ if .Data.data.empty }}a{{ else if .Data.data.nothing }}b{{ else if .Data.data.host }}c{{ else }}d{{ end }}\n' +
    '{{ if and .Data.data.host .Data.data.empty }}both{{ else }}not both{{ end }}\n' +
    '{{ if or .Data.data.empty .Data.data.host }}one{{ else }}none{{ end }}\n' +
    '{{ if not .Data.data.empty }}empty{{ end }}\n' +
    '{{ if and .Data.data.host (or .Data.data.empty (not .Data.data.nothing)) }}yes{{ else }}no{{ end }}{{ end }}',
  'condition lines':
    '{{ with secret "secret/data/web/db" }}\nserver:\n  {{ if .Data.data.host }}\n  host: {{ .Data.data.host }}\n  {{ end }}\n' +
    '\t{{ if .Data.data.empty }}\n  x\n\t{{ else }} \n  y\n {{ end }} \n{{ end }}',
  'carriage returns':
    '{{ with secret "secret/data/web/db" }}\r\n{{ if .Data.data.host }}\r\nx\r\n  {{ end }}\r\n{{ end }}\r\n',
  list: '{{ with secret "secret/data/web/lists" }}{{ range .Data.data.hosts }}<{{ . }}>{{ end }}\n{{ range $i, $h := .Data.data.hosts }}{{ $h }},{{ end }}{{ range .Data.data.none }}x{{ else }}none{{ end }}{{ end }}',
  'list of objects':
    '{{ with secret "secret/data/web/lists" }}{{ range .Data.data.servers }}\n{{ .host }}{{ if .port }}:{{ .port }}{{ end }}\n{{ end }}{{ index .Data.data.hosts 1 }}{{ (index .Data.data.servers 0).host }}{{ end }}',
  functions:
    '{{ with secret "secret/data/web/db" }}{{ .Data.data.encoded | base64Decode }} {{ base64Encode .Data.data.host }} {{ .Data.data.password | toJSON }} {{ .Data.data.password | base64Encode | toUnescapedJSON }}' +
    ' {{ .Data.data.host | urlquery }} {{ printf "%s:%v%%" .Data.data.username .Data.data.port }} {{ print .Data.data.host }} {{ .Data.data.empty | or .Data.data.host }} {{ or .Data.data.empty "default" }}{{ end }}',
  'odd keys':
    '{{ with secret "secret/data/web/odd" }}{{ index .Data.data "a-b" }} {{ index .Data.data "a.b" }} {{ index .Data.data "a b}}" }}{{ end }}',
  indent:
    '{{ with secret "secret/data/web/odd" }}block: |\n{{ index .Data.data "lines" | indent 4 }}\nend{{ end }}',
  'whole as JSON': '{{ with secret "secret/data/web/db" }}{{ .Data.data | toJSON }}{{ end }}',
  braces:
    '{ {{- with secret "secret/data/web/db" }}"a": "{{ .Data.data.host }}"{{ end -}} }\n{{ "{{" }} {{ `raw "}}"` }}\n',
  dollar: 'a ${HOME} $${x} {{ with secret "secret/data/web/db" }}{{ .Data.data.host }}{{ end }}',
  environment:
    '{{ env "APP" }} ${APP} {{ with secret (printf "secret/data/%s/db" (env "APP")) }}{{ .Data.data.host }}{{ end }}\n',
  comments: 'a\n{{/* a comment {{ */}}\nb{{- /* another */ -}}\n c\n',
  defined:
    '{{ define "line" }}host={{ .host }};{{ end }}{{ with secret "secret/data/web/db" }}{{ template "line" .Data.data }}{{ template "line" .Data.data }}{{ end }}',
  names: '{{ range secrets "secret/web/" }}{{ . }} {{ end }}',
  'names of a mount':
    '{{ range secrets "secret" }}{{ . }} {{ end }}{{ range secrets "secret/metadata/" }}{{ . }} {{ end }}{{ range secrets "/secret/metadata" }}{{ . }} {{ end }}',
  'names as the API lists them': '{{ range secrets "secret/metadata/web/" }}{{ . }} {{ end }}',
  nested:
    '{{ with secret "secret/data/web/lists" }}{{ $l := .Data.data }}{{ with secret "secret/data/web/db" }}{{ range $l.servers }}{{ .host }} {{ end }}{{ .Data.data.host }}{{ end }}{{ end }}',
  'tags in values':
    '{{ with secret "secret/data/web/odd" }}{{ .Data.data.tag }} {{ range $k, $v := .Data.data }}{{ if $v }}{{ $k }}{{ end }}{{ end }}{{ end }}',
  'other whitespace':
    '{{ with secret "secret/data/web/db" }} \u00a0{{ if .Data.data.host }}\u2028{{ end }}\n{{ end }}',
};

describe('migrate', () => {
  let app: TestApp;
  let bao: string;
  before(async () => {
    bao = (await findServer()).path;
    app = await startApp();
    const db = { username: 'web', host: 'db.internal', port: '5432', empty: '', encoded: 'bGluZSAx' };
    await app.putKv2('web/db', { ...db, password: 'first' });
    await app.putKv2('web/db', { ...db, password: 'p=ss "word"' });
    await app.putKv2('web/lists', {
      hosts: ['a', 'b', 'c'],
      none: [],
      servers: [{ host: 'one', port: '1' }, { host: 'two' }],
    });
    await app.putKv2('web/odd', {
      ...{ 'a-b': '1', 'a.b': '2', 'a b}}': '3' },
      tag: '{{x}} {{#y}}',
      lines: 'one\n\ntwo\n',
    });
    await app.putKv2('web/values', { port: 5432, none: null, opts: { mode: { deep: 'x' } } });
    await app.putKv1('old', { data: 'key called data', password: 'old' });
    app.workspace.write('token', app.server.rootToken);
  });
  after(() => app.stop());

  /** Runs a config by the agent, once. */
  const agent = async (config: string): Promise<void> => {
    const env = { PATH: process.env['PATH'], HOME: app.workspace.root, APP: 'web' };
    await run(bao, ['agent', `-config=${config}`, '-log-level=error'], { env, timeout: 60_000 });
  };

  const agentConfig = (templates: readonly string[], syntax: 'hcl' | 'json' = 'hcl'): string => {
    const stanzas = templates.map((name) => ({
      source: app.workspace.write(`templates/${name}.ctmpl`, TEMPLATES[name] ?? ''),
      destination: app.workspace.path('out', `${name}.txt`),
    }));
    const config = {
      exit_after_auth: true,
      vault: { address: app.server.address },
      auto_auth: {
        method: [{ type: 'token_file', config: { token_file_path: app.workspace.path('token') } }],
      },
      template_config: { exit_on_retry_failure: true },
      template: stanzas,
    };
    if (syntax === 'json') return app.workspace.write('agent.json', JSON.stringify(config));
    return app.workspace.write(
      'agent.hcl',
      `exit_after_auth = true
vault { address = "${app.server.address}" }
auto_auth {
  method "token_file" {
    config = { token_file_path = "${app.workspace.path('token')}" }
  }
}
template_config { exit_on_retry_failure = true } // the default of the injector
${stanzas.map(({ source, destination }) => `template {\n  source = "${source}" # as a file\n  destination = "${destination}"\n}\n`).join('')}`,
    );
  };

  /** What the agent writes, and what vaultonce writes with what it makes of the agent's config. */
  const both = async (config: string): Promise<[Record<string, string>, Record<string, string>]> => {
    const { workspace } = app;
    for (const name of ['out', 'made']) rmSync(workspace.path(name), { recursive: true, force: true });
    mkdirSync(workspace.path('out'));
    const contents = (): Record<string, string> =>
      Object.fromEntries(workspace.list('out').map((name) => [name, workspace.read(`out/${name}`)]));
    await agent(config);
    const theirs = contents();
    rmSync(workspace.path('out'), { recursive: true });
    const migrated = await runCli(['migrate', config, '--out', workspace.path('made')]);
    assert.equal(migrated.code, 0, migrated.stderr);
    const rendered = await runCli(['render', '-c', workspace.path('made/vaultonce.yaml')], {
      env: { APP: 'web' },
    });
    assert.equal(rendered.code, 0, rendered.stderr);
    return [theirs, contents()];
  };

  for (const syntax of ['hcl', 'json'] as const) {
    test(`templates of an agent's config in ${syntax}: rendered as by the agent, byte for byte`, async () => {
      const [theirs, ours] = await both(agentConfig(Object.keys(TEMPLATES), syntax));
      assert.equal(Object.keys(theirs).length, Object.keys(TEMPLATES).length);
      for (const [name, text] of Object.entries(theirs)) assert.equal(ours[name], text, name);
      assert.deepEqual(Object.keys(ours), Object.keys(theirs));
    });
  }

  describe('what is made', () => {
    /** Migrates a text, and gives what is written. */
    const migrated = async (
      texts: Readonly<Record<string, string>>,
      args: readonly string[] = [],
    ): Promise<{ result: CliResult; files: Readonly<Record<string, string>> }> => {
      const { workspace } = app;
      rmSync(workspace.path('made'), { recursive: true, force: true });
      for (const [name, text] of Object.entries(texts)) workspace.write(`from/${name}`, text);
      const names = Object.keys(texts).map((name) => `from/${name}`);
      const result = await runCli(['migrate', ...names, '--out', 'made', ...args], { cwd: workspace.root });
      const made = existsSync(workspace.path('made')) ? workspace.list('made') : [];
      return {
        result,
        files: Object.fromEntries(made.map((name) => [name, workspace.read(`made/${name}`)])),
      };
    };

    const AGENT = `pid_file = "./pidfile"
vault {
  address = "https://vault.example.com:8200"
  namespace = "team-a"
  ca_cert = "/etc/ca.pem"
  tls_server_name = "vault"
  retry { num_retries = 5 }
}
auto_auth {
  method "approle" {
    mount_path = "auth/apps"
    min_backoff = "1s"
    config = {
      role_id_file_path = "/etc/vault/role-id"
      secret_id_file_path = "/etc/vault/secret-id"
      secret_id_response_wrapping_path = "auth/apps/role/web/secret-id"
    }
  }
  sink "file" {
    wrap_ttl = "5m"
    config = { path = "/run/app/token", mode = 0600 }
  }
}
cache { }
template {
  contents = "{{ with secret \\"secret/data/web/db\\" }}{{ .Data.data.password }}{{ end }}"
  destination = "/run/app/password"
  perms = "0640"
  user = 1000
  command = "systemctl reload app"
  wait { min = "2s" }
}
`;

    test('each setting of an agent: carried over, or in the notes once', async () => {
      const { result, files } = await migrated({ 'agent.hcl': AGENT });
      assert.equal(result.code, 0, result.stderr);
      assert.equal(result.stdout, 'made/vaultonce.yaml\nmade/password.mustache\nmade/notes.md\n');
      assert.deepEqual(load(files['vaultonce.yaml'] ?? ''), {
        vault: {
          address: 'https://vault.example.com:8200',
          namespace: 'team-a',
          tls: { ca_cert: '/etc/ca.pem', server_name: 'vault' },
        },
        auth: {
          method: 'approle',
          mount: 'apps',
          role_id_file: '/etc/vault/role-id',
          secret_id_file: '/etc/vault/secret-id',
          secret_id_wrapped: true,
          secret_id_creation_path: 'auth/apps/role/web/secret-id',
          remove_secret_id_file: true,
        },
        secrets: { db: 'secret/data/web/db' },
        outputs: [
          { path: 'token', token: true, wrap_ttl: '5m', mode: '0600' },
          { path: 'password', template: 'password.mustache', mode: '0640', owner: 1000 },
        ],
        output: { directory: '/run/app', mode: '0644' },
      });
      assert.equal(files['password.mustache'], '{{db.password}}');
      const notes = files['notes.md'] ?? '';
      for (const text of [
        'Commands that run after a change',
        'Caching',
        'Outages',
        'waits between renders',
        'pid file',
        'is not revoked',
      ])
        assert.equal(notes.split(text).length, 2, text);
      assert.match(
        notes,
        /removed after the login has succeeded; the agent removes it before\. \(`from\/agent\.hcl:13`\)/,
      );
      assert.doesNotMatch(notes, /Not carried over/);
    });

    test('from stdin; variables of a process; a template that is given, too', async () => {
      const config = `auto_auth { method "kubernetes" { config = { role = "web" } } }
exec { command = ["/app/server", "--port", "80"] restart_on_secret_changes = "always" }
env_template "DB_PASSWORD" {
  contents = "{{ with secret \\"secret/data/web/db\\" }}{{ .Data.data.password }}{{ end }}"
}
env_template "URL" {
  contents = "{{ with secret \\"secret/data/web/db\\" }}postgres://{{ .Data.data.username }}@\${HOST}{{ end }}"
}
template {
  source = "/nowhere/app.conf.ctmpl"
  destination = "/run/app/app.conf"
}
`;
      const { workspace } = app;
      workspace.write(
        'from/app.conf.ctmpl',
        '{{ with secret "secret/data/web/db" }}{{ .Data.data.host }}\n{{ end }}',
      );
      const result = await runCli(['migrate', '-', 'app.conf.ctmpl', '--out', '../stdin'], {
        cwd: workspace.path('from'),
        input: config,
      });
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(load(workspace.read('stdin/vaultonce.yaml')), {
        auth: { method: 'kubernetes', role: 'web' },
        secrets: { db: 'secret/data/web/db' },
        outputs: [{ path: 'app.conf', template: 'app.conf.mustache' }],
        environment: {
          DB_PASSWORD: 'db#password',
          URL: { template: 'postgres://{{db.username}}@$${HOST}' },
        },
        output: { directory: '/run/app', mode: '0644' },
      });
      assert.match(workspace.read('stdin/notes.md'), /`vaultonce exec -- COMMAND`/);
    });

    test('a template by itself, as a file and from stdin', async () => {
      const template = '{{ with secret "secret/data/web/db" }}{{ .Data.data.host }}{{ end }}\n';
      const { files } = await migrated({ 'app.conf.ctmpl': template });
      assert.deepEqual(load(files['vaultonce.yaml'] ?? ''), {
        secrets: { db: 'secret/data/web/db' },
        outputs: [{ path: 'app.conf', template: 'app.conf.mustache' }],
      });
      assert.match(files['notes.md'] ?? '', /Set `path`\. \(`from\/app\.conf\.ctmpl:1`\)/);
      const { workspace } = app;
      const result = await runCli(['migrate', '-', '--out', 'piped'], {
        cwd: workspace.root,
        input: template,
      });
      assert.equal(result.code, 0, result.stderr);
      assert.equal(workspace.read('piped/output.mustache'), '{{db.host}}\n');
    });

    test('what has no counterpart: each with its line; nothing is written, unless --partial says so', async () => {
      const agent = `vault { address = "https://vault.example.com" }
auto_auth { method "kerberos" { config = { username = "x" } } }
tempalte { }
template {
  destination = "/run/a"
  user = "app"
  contents = <<EOF
{{ with secret "secret/data/web/db" }}
{{ if eq .Data.data.host "a" }}
host={{ .Data.data.host | toUpper }} {{ key "service/x" }}
{{ range .Data.data.hosts }}{{ . }}{{ break }}{{ end }}
{{ else }}{{ .Data.data.host }}
{{ end }}{{ end }}
EOF
}
`;
      const { result, files } = await migrated({ 'agent.hcl': agent });
      assert.equal(result.code, 3);
      assert.deepEqual(files, {});
      const failures = failuresOf(result).map(({ where, message }) => [where, message]);
      assert.deepEqual(failures, [
        ['from/agent.hcl:2', 'this login of the agent has no counterpart'],
        ['from/agent.hcl:3', '`tempalte` is not known as a setting of the agent'],
        ['from/agent.hcl:6', '`user` is a name; the config takes a number'],
        ['from/agent.hcl:9', 'the function `eq` has no counterpart'],
        ['from/agent.hcl:10', 'the function `toUpper` has no counterpart'],
        ['from/agent.hcl:10', 'the function `key` has no counterpart'],
        ['from/agent.hcl:11', '`break` and `continue` have no counterpart'],
      ]);
      const partial = await migrated({ 'agent.hcl': agent }, ['--partial']);
      assert.equal(partial.result.code, 0, partial.result.stderr);
      assert.match(partial.result.stdout, /not carried over: \d, see the notes\n$/);
      assert.equal(
        partial.files['a.mustache'],
        '\n{{ if eq .Data.data.host "a" }}\nhost={{ .Data.data.host | toUpper }} {{ key "service/x" }}\n' +
          '{{#db.hosts}}\n{{.}}{{ break }}{{/db.hosts}}\n{{ else }}{{db.host}}\n{{ end }}\n',
      );
      assert.match(
        partial.files['notes.md'] ?? '',
        /## Not carried over[^]*- `from\/agent\.hcl:9`: the function `eq` has no counterpart: values are not compared/,
      );
    });

    test('a certificate by pkiCert: one request, and what it renders is what the agent renders', async () => {
      const { api, address } = app.server;
      await api.post('sys/mounts/pki', { type: 'pki' });
      await api.post('pki/root/generate/internal', { common_name: 'root', ttl: '24h' });
      await api.post('pki/roles/web', { allow_any_name: true, max_ttl: '1h' });
      const issue = '"pki/issue/web" "common_name=web.example.com" "ttl=1h"';
      const config = app.workspace.write(
        'agent.hcl',
        `exit_after_auth = true
vault { address = "${address}" }
auto_auth {
  method "token_file" {
    config = { token_file_path = "${app.workspace.path('token')}" }
  }
}
template {
  destination = "${app.workspace.path('out/tls.pem')}"
  contents = <<-EOT
    {{- with pkiCert ${issue} }}
    {{ .Data.Cert }}{{ .Data.CA }}{{ .Data.Key }}
    {{- end }}
    EOT
}
`,
      );
      const [theirs, ours] = await both(config);
      const form = (text = ''): string => text.replace(/(?<=-----\n)[^-]+(?=\n-----END)/g, '…');
      assert.match(theirs['tls.pem'] ?? '', /^\n-----BEGIN CERTIFICATE-----\n/);
      assert.equal(form(ours['tls.pem']), form(theirs['tls.pem']));
      assert.match(app.workspace.read('made/notes.md'), /each run asks for a new one/);
    });

    test('what renders differently: the notes say so, and it is so', async () => {
      const { workspace } = app;
      const template =
        '\ufeff{{ with secret "secret/data/web/values" }}port: {{ .Data.data.port | toYAML }}, {{ .Data.data.none }}{{ end }}\n';
      const stanza = {
        source: workspace.write('templates/values.ctmpl', template),
        destination: workspace.path('out/values.txt'),
      };
      const config = {
        exit_after_auth: true,
        vault: { address: app.server.address },
        auto_auth: {
          method: [{ type: 'token_file', config: { token_file_path: workspace.path('token') } }],
        },
        template: [stanza],
      };
      const [theirs, ours] = await both(workspace.write('agent.json', JSON.stringify(config)));
      assert.equal(theirs['values.txt'], '\ufeffport: 5432, <no value>\n');
      assert.equal(ours['values.txt'], 'port: "5432", \n');
      const notes = workspace.read('made/notes.md');
      for (const text of [
        /^- A byte order mark at the start of a template is left out.*values\.ctmpl:1/m,
        /becomes a text in `\{\{#@yaml\}\}`: write `\{\{db\.key\}\}` for its JSON/,
        /A key whose value is null renders as nothing; Go prints `<no value>`/,
      ])
        assert.match(notes, text);
    });

    test('names below `MOUNT/metadata`: those of the mount, which the notes say', async () => {
      const template = '{{ range secrets "team/kv/metadata/" }}{{ . }}{{ end }}';
      const { files } = await migrated({ 'names.ctmpl': template });
      const { secrets } = load(files['vaultonce.yaml'] ?? '') as { secrets: object };
      assert.deepEqual(secrets, { names: { path: 'team/kv', list: true } });
      assert.match(files['notes.md'] ?? '', /lists what is in the mount.*`from\/names\.ctmpl:1`/);
    });

    test('the key of an object that `range` is over: a problem that names it', async () => {
      const template =
        '{{ with secret "secret/data/web/values" }}{{ range $k, $v := .Data.data.opts }}{{ $k }}{{ end }}{{ end }}';
      const { result } = await migrated({ 'opts.ctmpl': template });
      assert.equal(result.code, 3);
      const [failure] = failuresOf(result);
      assert.equal(failure?.message, 'the position in a list, or the key in an object, has no counterpart');
      assert.match(failure.hint ?? '', /`\{\{#name\.@entries\}\}`/);
    });

    test('nothing that exists is overwritten without --force, and nothing is written beside it', async () => {
      const { workspace } = app;
      const agent = workspace.write('from/agent.hcl', AGENT);
      rmSync(workspace.path('made'), { recursive: true, force: true });
      workspace.write('made/password.mustache', 'mine');
      const refused = await runCli(['migrate', agent, '--out', 'made'], { cwd: workspace.root });
      assert.equal(refused.code, 8);
      assert.equal(failuresOf(refused)[0]?.where, workspace.path('made/password.mustache'));
      assert.match(refused.stderr, /the file exists already; nothing was written.*--force overwrites it/);
      assert.deepEqual(workspace.list('made'), ['password.mustache']);
      const forced = await runCli(['migrate', agent, '--out', 'made', '--force'], { cwd: workspace.root });
      assert.equal(forced.code, 0, forced.stderr);
      assert.equal(workspace.read('made/password.mustache'), '{{db.password}}');
      assert.equal(workspace.mode('made/vaultonce.yaml'), '0644');
    });

    test('3: what does not parse, is of no known kind or cannot be read, with --partial, too', async () => {
      const cases: Readonly<Record<string, readonly [string, string, RegExp]>> = {
        'open.hcl': ['vault {\n  address = "x\n}\n', ':2', /the HCL does not parse: a text is not closed/],
        'block.hcl': ['vault {\n\n', ':3', /a block is not closed/],
        'bad.json': ['{"vault": {"address": }}', ':1', /the JSON does not parse: a value is expected/],
        'heredoc.hcl': ['a = 1\nb = <<EOF\nx\n', ':2', /its `EOF` is missing/],
        'go.hcl': [
          'auto_auth {}\ntemplate {\n  destination = "x"\n  contents = <<EOF\na\n{{ if .x }}\nEOF\n}\n',
          ':6',
          /the Go template does not parse: a block is not closed: its `end` is missing/,
        ],
        'words.txt': ['hello = "world"\n', ':1', /the file is of no kind that can be migrated/],
        'empty.hcl': ['', ':1', /the file is of no kind that can be migrated/],
      };
      for (const [name, [text, line, message]] of Object.entries(cases)) {
        const { result, files } = await migrated({ [name]: text }, ['--partial']);
        assert.equal(result.code, 3, name);
        const [failure] = failuresOf(result);
        assert.equal(failure?.where, `from/${name}${line}`);
        assert.match(failure.message ?? '', message);
        assert.ok(failure.hint, name);
        assert.deepEqual(files, {});
      }
      const missing = await runCli(['migrate', 'nothing.hcl'], { cwd: app.workspace.root });
      assert.equal(missing.code, 3);
      assert.match(missing.stderr, /the file to migrate cannot be read \(ENOENT\)/);
      const source = 'auto_auth {}\ntemplate {\n  source = "gone.ctmpl"\n  destination = "/run/a"\n}\n';
      const gone = await migrated({ 'agent.hcl': source });
      assert.equal(gone.result.code, 3);
      assert.equal(failuresOf(gone.result)[0]?.where, 'from/agent.hcl:3');
      assert.match(gone.result.stderr, /the template that `source` names cannot be read \(ENOENT\)/);
      assert.equal((await runCli(['migrate'])).code, 2);
    });

    test('3: a config that would not be valid is not written', async () => {
      const agent = `vault { address = "https://vault.example.com" }
auto_auth { method "aws" { config = { type = "ec2", role = "web" } } }
`;
      const { result, files } = await migrated({ 'agent.hcl': agent });
      assert.equal(result.code, 3);
      assert.deepEqual(files, {});
      assert.match(result.stderr, /the config that comes of it is not valid: .*iam/);
    });

    test('a credential in a file reaches neither what is written nor a message', async () => {
      const credential = 'hvs.CAESIJlWh0qPZ7f8gkQ2mB3xYz';
      const agent = `vault { address = "https://user:${credential}@vault.example.com" }
auto_auth {
  method "aws" {
    config = { type = "iam", role = "web", access_key = "AKIA", secret_key = "${credential}" }
  }
}
"${credential}" = 1
template {
  destination = "/run/a"
  contents = <<EOF
{{ with secret "auth/x/login" "password=${credential}" "other=${credential}" }}{{ .Data.a }}{{ end }}
EOF
}
`;
      for (const args of [[], ['--partial']]) {
        const { result, files } = await migrated({ 'agent.hcl': agent }, args);
        const all = result.stdout + result.stderr + JSON.stringify(files);
        assert.doesNotMatch(all, /CAESIJlWh0qPZ7f8gkQ2mB3xYz/);
        assert.equal(result.code, args.length === 0 ? 3 : 0, result.stderr);
        if (args.length > 0) assert.match(files['vaultonce.yaml'] ?? '', /password: '\$\{PASSWORD\}'/);
      }
    });

    /** Runs a command with a config that was made, against the server of the tests. */
    const runMade = async (
      texts: Readonly<Record<string, string>>,
      args: readonly string[],
    ): Promise<CliResult> => {
      const { result } = await migrated(texts);
      assert.equal(result.code, 0, result.stderr);
      const login = ['--auth', 'token', '--address', app.server.address];
      const env = { VAULT_TOKEN: app.server.rootToken };
      return runCli([...args, '-c', app.workspace.path('made/vaultonce.yaml'), ...login], { env });
    };

    const pod = (annotations: Readonly<Record<string, string>>): string =>
      dump({
        kind: 'Deployment',
        spec: {
          template: {
            metadata: {
              annotations: Object.fromEntries(
                Object.entries(annotations).map(([key, value]) => [`vault.hashicorp.com/${key}`, value]),
              ),
            },
          },
        },
      });

    test('annotations of the injector: what its agent would write, byte for byte', async () => {
      const { workspace } = app;
      const template =
        '{{ with secret "secret/data/web/db" -}}\nuser={{ .Data.data.username }}\n{{- end }}\n';
      const manifest = pod({
        'agent-inject': 'true',
        'agent-inject-secret-Old.TXT': 'kv1/old',
        'agent-inject-secret-db': 'secret/data/web/db',
        'agent-inject-template-db': template,
        'agent-inject-file-db': 'conf/db.env',
        'agent-inject-perms-db': '0440',
        'secret-volume-path': workspace.path('out'),
        service: app.server.address,
        role: 'web',
      });
      rmSync(workspace.path('out'), { recursive: true, force: true });
      const rendered = await runMade({ 'pod.yaml': manifest }, ['render']);
      assert.equal(rendered.code, 0, rendered.stderr);
      const ours = ['old.txt', 'conf/db.env'].map((name) => workspace.read(`out/${name}`));
      assert.equal(workspace.mode('out/conf/db.env'), '0440');
      assert.equal(workspace.mode('out/old.txt'), '0644');
      const stanza = { contents: template, destination: workspace.path('out/conf/db.env') };
      // The template that the injector makes of a path.
      const contents =
        '{{ with secret "kv1/old" }}{{ range $k, $v := .Data }}{{ $k }}: {{ $v }}\n{{ end }}{{ end }}';
      const config = {
        exit_after_auth: true,
        vault: { address: app.server.address },
        auto_auth: {
          method: [{ type: 'token_file', config: { token_file_path: workspace.path('token') } }],
        },
        template: [stanza, { contents, destination: workspace.path('out/old.txt') }],
      };
      rmSync(workspace.path('out'), { recursive: true });
      mkdirSync(workspace.path('out/conf'), { recursive: true });
      await agent(workspace.write('agent.json', JSON.stringify(config)));
      assert.deepEqual(
        ours,
        ['old.txt', 'conf/db.env'].map((name) => workspace.read(`out/${name}`)),
      );
    });

    test('annotations of other kinds: carried over, noted, or a problem with its line', async () => {
      const { result, files } = await migrated({
        'pod.yaml': `---
apiVersion: v1
kind: ConfigMap
---
${pod({
  'agent-inject': 'true',
  'agent-pre-populate-only': 'true',
  'auth-type': 'approle',
  'auth-path': 'auth/apps',
  'auth-config-role-id-file-path': '/vault/custom/role-id',
  'auth-config-secret-id-file-path': '/vault/custom/secret-id',
  'auth-config-remove-secret-id-file-after-reading': 'false',
  'agent-inject-token': 'true',
  'agent-inject-command-x': 'sh -c reload',
  'agent-limits-cpu': '500m',
  'tls-server-name': 'vault',
  'proxy-address': 'http://proxy:3128',
  'preserve-secret-case': 'true',
  'agent-inject-secret-X': 'secret/data/web/db',
  'agent-inject-template-X': '{{ with secret "secret/data/web/db" }}{{ .Data.data.host }}{{ end }}',
})}`,
      });
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(load(files['vaultonce.yaml'] ?? ''), {
        vault: { proxy_address: 'http://proxy:3128', tls: { server_name: 'vault' } },
        auth: {
          method: 'approle',
          mount: 'apps',
          role_id_file: '/vault/custom/role-id',
          secret_id_file: '/vault/custom/secret-id',
        },
        secrets: { db: 'secret/data/web/db' },
        outputs: [
          { path: 'X', template: 'X.mustache' },
          { path: 'token', token: true },
        ],
        output: { directory: '/vault/secrets', mode: '0644' },
      });
      for (const text of ['`vault.address`, or the variable', 'Commands that run after', 'resources, user'])
        assert.ok((files['notes.md'] ?? '').includes(text), text);
      assert.doesNotMatch(files['notes.md'] ?? '', /sidecar/);

      // As `kubectl get --output json` prints a list.
      const annotations = {
        'vault.hashicorp.com/role': 'web',
        'vault.hashicorp.com/agent-inject-secret-x': 'kv1/old',
      };
      const items = [{ kind: 'Pod', metadata: { annotations } }];
      const listed = await migrated({
        'pods.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
      });
      assert.equal(listed.result.code, 0, listed.result.stderr);
      assert.match(listed.files['vaultonce.yaml'] ?? '', /^secrets:\n {2}old: kv1\/old$/m);

      const wrong = await migrated({
        'pod.yaml': `kind: Pod
metadata:
  annotations:
    vault.hashicorp.com/agent-inject: 'true'
    vault.hashicorp.com/rolle: web
    vault.hashicorp.com/agent-configmap: web
    vault.hashicorp.com/role: web
    vault.hashicorp.com/agent-inject-template-x: |
      {{ with secret "secret/data/web/db" }}
      {{ .Data.data.host | toUpper }}
      {{ end }}
---
kind: Deployment
metadata:
  annotations: { vault.hashicorp.com/agent-inject: 'true' }
`,
      });
      assert.equal(wrong.result.code, 3);
      assert.deepEqual(
        failuresOf(wrong.result).map(({ where, message }) => [where, message]),
        [
          ['from/pod.yaml:5', 'the annotation `rolle` is not known'],
          ['from/pod.yaml:6', 'the config of the agent is in a ConfigMap'],
          ['from/pod.yaml:10', 'the function `toUpper` has no counterpart'],
          [
            'from/pod.yaml:15',
            'annotations of the injector on something that is no pod: the injector does not see them',
          ],
        ],
      );
    });

    const spc = (objects: string, more = ''): string => `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: { name: web }
spec:
  provider: vault
  parameters:
    vaultAddress: https://vault.example.com:8200
    roleName: web
${more}    objects: |
${objects.replace(/^/gm, '      ')}
`;

    test('a SecretProviderClass: the files of the provider, and their modes', async () => {
      const { workspace } = app;
      const objects = `- { objectName: "password", secretPath: "/v1/secret/data/web/db", secretKey: "password", filePermission: 0640 }
- objectName: old
  secretPath: kv1/old
  secretKey: password
  filePermission: 0o600
- objectName: first
  secretPath: secret/data/web/db?version=1
  secretKey: password
  filePermission: 420
- objectName: decoded
  secretPath: secret/data/web/db
  secretKey: encoded
  encoding: Base64
- objectName: odd
  secretPath: secret/data/web/odd
  secretKey: a b}}
- objectName: list
  secretPath: secret/data/web/lists
  secretKey: hosts
- { objectName: none, secretPath: secret/data/web/values, secretKey: none }`;
      const out = ['--set', `output.directory=${workspace.path('csi')}`];
      const rendered = await runMade({ 'class.yaml': spc(objects) }, ['render', ...out]);
      assert.equal(rendered.code, 0, rendered.stderr);
      const found = workspace
        .list('csi')
        .map((name) => [name, workspace.mode(`csi/${name}`), workspace.read(`csi/${name}`)]);
      assert.deepEqual(found, [
        ['decoded', '0644', 'line 1'],
        ['first', '0644', 'first'],
        ['list', '0644', '["a","b","c"]'],
        ['none', '0644', ''],
        ['odd', '0644', '3'],
        ['old', '0600', 'old'],
        ['password', '0640', 'p=ss "word"'],
      ]);
      assert.match(
        workspace.read('made/notes.md'),
        /null is an empty file, where the provider writes `null`/,
      );
    });

    test('a SecretProviderClass: all parameters, synced Secrets, and what has no counterpart, with its line', async () => {
      const { files } = await migrated({
        'class.yaml': `${spc(
          '- { objectName: a, secretPath: secret/data/a, secretKey: k }',
          `    vaultNamespace: team-a
    vaultKubernetesMountPath: prod
    vaultCACertPath: /ca.pem
    vaultTLSServerName: vault
    vaultSkipTLSVerify: "true"
    audience: vault
`,
        )}  secretObjects:
    - { secretName: app, type: Opaque, labels: { app: web }, annotations: { a/b: x }, data: [{ objectName: a, key: A }] }
`,
      });
      const text = app.workspace
        .read('from/class.yaml')
        .replace(/\bvault(?=[A-Z]|\n {2}parameters)/g, 'openbao');
      const ofOpenBao = await migrated({ 'class.yaml': text });
      const yaml = files['vaultonce.yaml'] ?? '';
      assert.equal(ofOpenBao.files['vaultonce.yaml'], yaml);
      assert.deepEqual(load(yaml), {
        vault: {
          address: 'https://vault.example.com:8200',
          namespace: 'team-a',
          tls: { ca_cert: '/ca.pem', server_name: 'vault', skip_verify: true },
        },
        auth: { method: 'kubernetes', role: 'web', mount: 'prod' },
        secrets: { a: 'secret/data/a' },
        outputs: [
          { path: 'a', value: 'a#k' },
          {
            kubernetes_secret: {
              name: 'app',
              key: 'A',
              type: 'Opaque',
              labels: { app: 'web' },
              annotations: { 'a/b': 'x' },
            },
            value: 'a#k',
          },
        ],
        output: { directory: '/mnt/secrets-store', mode: '0644' },
      });
      const wrong = await migrated({
        'class.yaml': spc(`- objectName: a
  secretPath: secret/data/a
- objectName: b
  secretPath: secret/data/b
  secretKey: k
  filePermission: "rw"
- objectName: c
  secretPath: secret/data/c?list=true
  secretKey: k
- objectName: d
  secretPath: secret/data/d
  method: DELETE
  secretKey: k`),
      });
      assert.equal(wrong.result.code, 3);
      assert.deepEqual(
        failuresOf(wrong.result).map(({ where }) => where),
        ['from/class.yaml:10', 'from/class.yaml:15', 'from/class.yaml:17', 'from/class.yaml:19'],
      );
      for (const [text, message] of [
        [spc('x').replace('provider: vault', 'provider: azure'), /a provider other than `vault`/],
        [spc('- { a: [ }'), /invalid YAML/],
      ] as const) {
        const { result } = await migrated({ 'class.yaml': text }, ['--partial']);
        assert.equal(result.code, 3);
        assert.match(result.stderr, message);
      }
    });

    /** What is made of a class: its outputs and secrets, here and in the class for `csi`. */
    const madeOfClass = async (
      text: string,
    ): Promise<
      Readonly<Record<'config' | 'class', { secrets?: object; outputs?: object; output?: object }>>
    > => {
      const { result, files } = await migrated({ 'class.yaml': text });
      assert.equal(result.code, 0, result.stderr);
      const native = load(files['vaultonce-class.yaml'] ?? '') as {
        spec: { parameters: { config: string } };
      };
      return {
        config: load(files['vaultonce.yaml'] ?? '') as object,
        class: load(native.spec.parameters.config) as object,
      };
    };

    test('a SecretProviderClass: arguments are sent as they stand, and none with a GET', async () => {
      const made = await madeOfClass(
        spc(`- objectName: a
  secretPath: pki/issue/web
  secretKey: certificate
  method: PUT
  secretArgs: { common_name: "\${a}", exclude_cn_from_sans: true, n: 1, sans: [a, b], deep: { a: [{ b: null }], password: x } }
- objectName: b
  secretPath: secret/data/b
  secretKey: k
  secretArgs: { a: b }`),
      );
      const write = {
        ...{ common_name: '$${a}', exclude_cn_from_sans: true, n: 1, sans: ['a', 'b'] },
        deep: { a: [{ b: null }], password: '${PASSWORD}' },
      };
      const secrets = { web: { path: 'pki/issue/web', write }, b: 'secret/data/b' };
      assert.deepEqual([made.config.secrets, made.class.secrets], [secrets, secrets]);
    });

    test('a SecretProviderClass: files in directories are below that of the volume', async () => {
      const made = await madeOfClass(
        spc(`- { objectName: a, secretPath: secret/data/a, secretKey: k }
- { objectName: tls/b, secretPath: secret/data/a, secretKey: k }`),
      );
      const outputs = ['a', 'tls/b'].map((path) => ({ path, value: 'a#k' }));
      assert.deepEqual([made.config.outputs, made.class.outputs], [outputs, outputs]);
      assert.deepEqual(made.config.output, { directory: '/mnt/secrets-store', mode: '0644' });
    });

    test('a SecretProviderClass: a mode is that of its object, wherever it is written', async () => {
      const made = await madeOfClass(
        spc(`[{ objectName: a, secretPath: secret/data/a, secretKey: k, filePermission: 0400 }, &b { objectName: b, secretPath: secret/data/a, secretKey: k, filePermission: 0440 },
 { <<: *b, objectName: c }, { objectName: d, secretPath: secret/data/a, secretKey: k, filePermission: ~ }]`),
      );
      const modes = { a: { mode: '0400' }, b: { mode: '0440' }, c: { mode: '0440' }, d: {} };
      const outputs = Object.entries(modes).map(([path, mode]) => ({ path, value: 'a#k', ...mode }));
      assert.deepEqual(made.class.outputs, outputs);
    });

    test('SecretProviderClasses: of several, the notes promise no class', async () => {
      const of = (name: string): string =>
        spc(`- { objectName: ${name}, secretPath: secret/data/${name}, secretKey: k }`);
      const { result, files } = await migrated({ 'class.yaml': `${of('a')}---\n${of('b')}` });
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(Object.keys(files).toSorted(), ['notes.md', 'vaultonce.yaml']);
      assert.doesNotMatch(files['notes.md'] ?? '', /vaultonce-class/);
      assert.match(files['notes.md'] ?? '', /- Several classes make one config/);
    });

    test('vault-action: the variables of the step', async () => {
      const step = `jobs:
  a:
    steps:
      - uses: hashicorp/vault-action@v3
        with:
          url: https://vault.example.com:8200
          method: approle
          roleId: \${{ secrets.ROLE_ID }}
          secretId: \${{ secrets.SECRET_ID }}
          exportToken: true
          secrets: |
            secret/data/web/db password | DB_PASSWORD ;
            secret/data/web/db username;
            secret/data/web/lists servers[0].host | FIRST ;
            secret/data/web/odd "a-b" | ODD ;
            secret/data/web/values opts.mode.deep;
            kv1/old * | OLD_ ;
            kv1/old ** | Old_
`;
      const { files } = await migrated({ 'ci.yml': step });
      const { auth } = load(files['vaultonce.yaml'] ?? '') as { auth: object };
      assert.deepEqual(auth, { method: 'approle', role_id_env: 'ROLE_ID', secret_id_env: 'SECRET_ID' });
      const printed = await runMade({ 'ci.yml': step.replace('exportToken: true', 'exportEnv: true') }, [
        ...['env', '--format', 'json'],
      ]);
      assert.equal(printed.code, 0, printed.stderr);
      assert.deepEqual(JSON.parse(printed.stdout), {
        DB_PASSWORD: 'p=ss "word"',
        USERNAME: 'web',
        FIRST: 'one',
        ODD: '1',
        OPTS__MODE__DEEP: 'x',
        OLD_DATA: 'key called data',
        OLD_PASSWORD: 'old',
        Old_data: 'key called data',
        Old_password: 'old',
      });
      assert.match(
        files['notes.md'] ?? '',
        /- Names of `PATH \*` have `_` for each character .* \(`from\/ci\.yml:17`, `from\/ci\.yml:18`\)$/m,
      );
    });

    test('vault-action: each input that is not carried over, whatever its case; those of other logins are not read', async () => {
      const step = `steps:
  - uses: hashicorp/vault-action@v3
    with:
      URL: https://vault.example.com:8200
      method: jwt
      jwtgithubaudience: vault
      roleId: x
      ignoreNotFound: false
      secrets: secret/data/a key
      pki: pki/issue/web {"common_name":"a"}
      jwtKeyPassword: canary
      JwtTTL: 60
      somethingUnknown: 1
`;
      const { result } = await migrated({ 'ci.yml': step });
      assert.equal(result.code, 3);
      assert.deepEqual(
        failuresOf(result).map(({ where, message }) => [where, message]),
        [
          ['from/ci.yml:10', 'the input `pki` has no counterpart'],
          ['from/ci.yml:11', 'the input `jwtKeyPassword` has no counterpart'],
          ['from/ci.yml:12', 'the input `jwtTtl` has no counterpart'],
          ['from/ci.yml:13', 'the input `somethingUnknown` is not known'],
        ],
      );
      assert.doesNotMatch(result.stderr, /canary/);
      const partial = await migrated({ 'ci.yml': step }, ['--partial']);
      assert.match(partial.files['notes.md'] ?? '', /- `from\/ci\.yml:10`: the input `pki`.*`write:`/);
      const { vault, auth } = load(partial.files['vaultonce.yaml'] ?? '') as Record<string, object>;
      assert.deepEqual(vault, { address: 'https://vault.example.com:8200' });
      assert.deepEqual(auth, { method: 'jwt', audience: 'vault', source: 'github-actions' });
      const alone = await migrated({
        'ci.yml': step.replace(/ +secrets: .*\n|.*(?:jwtKey|TTL|Unknown).*\n/g, ''),
      });
      assert.deepEqual(
        failuresOf(alone.result).map(({ message }) => message),
        ['the input `pki` has no counterpart'],
      );
    });

    test('vault-action: what has no counterpart, with its line', async () => {
      const { result, files } = await migrated({
        'ci.yml': `jobs:
  a:
    steps:
      - uses: hashicorp/vault-action@v3
        with:
          url: \${{ format('{0}', 'x') }}
          method: pkcs7
          extraHeaders: 'X-A: b'
          secrets: |
            secret/data/a $sum(x) | A ;
            secret/data/a;
            secret/data/a key | not-a-name
            ; secret/data/a other-key
`,
      });
      assert.equal(result.code, 3);
      assert.deepEqual(files, {});
      assert.deepEqual(
        failuresOf(result).map(({ where }) => where),
        [6, 7, 8, 10, 11, 12, 13].map((line) => `from/ci.yml:${String(line)}`),
      );
    });

    test('consul-template and envconsul: what is carried over, and what is not', async () => {
      const { result, files } = await migrated({
        'ct.hcl': `consul { address = "127.0.0.1:8500" }
vault {
  address = "https://vault.example.com"
  token = "hvs.CAESIJlWh0qPZ7f8gkQ2mB3xYz"
  unwrap_token = true
  renew_token = true
  ssl { enabled = true  verify = false  ca_path = "/certs"  cert = "/c.pem"  key = "/k.pem" }
  retry { attempts = 3 }
}
log_level = "warn"
wait { min = "5s" }
default_left_delimiter = "<<"
default_right_delimiter = ">>"
template {
  destination = "/run/a"
  contents = "<< with secret \\"secret/data/web/db\\" >>{{ << .Data.data.host >> }}<< end >>"
}
template {
  destination = "/run/b"
  left_delimiter = "[["
  right_delimiter = "]]"
  contents = "[[ with secret \\"secret/data/web/db\\" ]][[ .Data.data.host ]][[ end ]]"
}
exec {
  command = ["env"]
  kill_signal = "SIGTERM"
  splay = "5s"
  env {
    pristine = true
    custom = ["MODE=prod"]
    denylist = ["AWS_*"]
  }
}
`,
      });
      assert.equal(result.code, 0, result.stderr);
      for (const note of [
        /^- The command is started by .* \(`from\/ct\.hcl:24`\)$/m,
        /^- The command gets the variables alone with .* \(`from\/ct\.hcl:29`\)$/m,
        /^- Variables that `exec` sets or keeps away .* \(`from\/ct\.hcl:30`\)$/m,
        /^- Settings of the process, .* \(`from\/ct\.hcl:26`\)$/m,
      ])
        assert.match(files['notes.md'] ?? '', note);
      assert.deepEqual(load(files['vaultonce.yaml'] ?? ''), {
        vault: {
          address: 'https://vault.example.com',
          tls: { ca_path: '/certs', client_cert: '/c.pem', client_key: '/k.pem', skip_verify: true },
        },
        auth: { method: 'token', wrapped: true },
        secrets: { db: 'secret/data/web/db' },
        outputs: [
          { path: 'a', template: 'a.mustache' },
          { path: 'b', template: 'b.mustache' },
        ],
        output: { directory: '/run', mode: '0644' },
      });
      assert.equal(files['a.mustache'], '{{=<% %>=}}\n{{ <%db.host%> }}');
      assert.equal(files['b.mustache'], '{{db.host}}');
      assert.match(
        files['notes.md'] ?? '',
        /A credential that stood in the file is left out[^\n]*`from\/ct\.hcl:4`/,
      );
      assert.doesNotMatch(JSON.stringify(files), /CAESIJlWh0qPZ7f8gkQ2mB3xYz/);

      const envconsul = `vault { address = "https://vault.example.com" }
upcase = true
sanitize = true
pristine = true
secret {
  path = "secret/data/web/db"
  no_prefix = true
  key { name = "password" format = "db-{{ key }}" }
}
secret { path = "kv1/old" }
exec { command = "env" }
`;
      const printed = await runMade({ 'ec.hcl': envconsul }, ['env', '--format', 'json']);
      assert.equal(printed.code, 0, printed.stderr);
      assert.deepEqual(JSON.parse(printed.stdout), {
        DB_PASSWORD: 'p=ss "word"',
        ...{ EMPTY: '', ENCODED: 'bGluZSAx', HOST: 'db.internal', PORT: '5432', USERNAME: 'web' },
        KV1_OLD_DATA: 'key called data',
        KV1_OLD_PASSWORD: 'old',
      });
      const wrong = await migrated({
        'ec.hcl':
          'upcase = true\nprefix { path = "a" }\nsecret {\n  path = "a"\n  format = "{{ key }}_x"\n}\nexec {\n  env { pristin = true }\n}\n',
      });
      assert.deepEqual(
        failuresOf(wrong.result).map(({ where }) => where),
        ['from/ec.hcl:2', 'from/ec.hcl:3', 'from/ec.hcl:8'],
      );
    });

    test('several files become one config; what they contradict each other in is a problem', async () => {
      const one = `vault { address = "https://a.example.com" }\ntemplate {\n  destination = "/run/a"\n  contents = "{{ with secret \\"secret/data/web/db\\" }}{{ .Data.data.host }}{{ end }}"\n}\n`;
      const { files } = await migrated({ 'one.hcl': one, 'two.hcl': one.replace('/run/a', '/run/b') });
      assert.deepEqual(load(files['vaultonce.yaml'] ?? ''), {
        vault: { address: 'https://a.example.com' },
        secrets: { db: 'secret/data/web/db' },
        outputs: [
          { path: 'a', template: 'a.mustache' },
          { path: 'b', template: 'b.mustache' },
        ],
        output: { directory: '/run', mode: '0644' },
      });
      const other = await migrated({ 'one.hcl': one, 'two.hcl': one.replace('//a.', '//b.') });
      assert.equal(other.result.code, 3);
      assert.equal(failuresOf(other.result)[0]?.where, 'from/two.hcl:1');
      assert.match(other.result.stderr, /`vault\.address` differs from that of from\/one\.hcl:1/);
      const same = await migrated({ 'one.hcl': one, 'two.hcl': one });
      assert.equal(same.result.code, 3);
      assert.match(same.result.stderr, /the config that comes of it is not valid/);
    });
  });

  /** What each example is made of. */
  const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
    agent: ['agent.hcl'],
    'consul-template': ['config.hcl'],
    csi: ['class.yaml'],
    envconsul: ['config.hcl'],
    github: ['workflow.yml'],
    injector: ['deployment.yaml'],
  };

  for (const [name, files] of Object.entries(EXAMPLES)) {
    test(`the example ${name}: what is beside it is made of it`, async () => {
      const directory = join(import.meta.dirname, '../../examples/migrating', name);
      const out = app.workspace.path('example', name);
      const result = await runCli(['migrate', ...files, '--out', out], { cwd: directory });
      assert.equal(result.code, 0, result.stderr);
      const made = readdirSync(join(directory, 'made')).sort();
      assert.deepEqual(readdirSync(out).sort(), made);
      for (const file of made)
        assert.equal(
          app.workspace.read(`example/${name}/${file}`),
          readFileSync(join(directory, 'made', file), 'utf8'),
        );
    });
  }
});
