import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { runCli, startCli, type CliResult } from '../support/cli.ts';
import { startCluster } from '../support/cluster.ts';
import { needsPlugins } from '../support/needs.ts';
import { until } from '../support/patience.ts';
import { startStandIn, type Answer } from '../support/stand-in.ts';
import { createWorkspace } from '../support/workspace.ts';

const userpass = await needsPlugins('auth/userpass', 'auth/jwt');

const CANARY = 'canary';
/** What is typed where a path, a name or a flag belongs. */
const TOKEN = `hvs.${CANARY}`;
const PEM = `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----\n`;
const JWT = `eyJhbGciOiJSUzI1NiJ9.${CANARY}.${CANARY}`;
const KEY = `q7Zk3/${CANARY}/Q9xLm2A==`;

/** Every way in which a secret could show: what was fetched, sent, configured or held in the environment. */
describe('no secret shows in any output, at debug level, whatever goes wrong', userpass, () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { key: `${CANARY}-fetched`, quotes: `${CANARY}-'"\\`, number: 'x' });
    await app.server.api.post('sys/auth/jwt', { type: 'jwt' });
    await app.server.api.post('sys/auth/userpass', { type: 'userpass' });
    await app.server.api.post('auth/userpass/users/alice', {
      password: `${CANARY}-password`,
      token_policies: ['app'],
    });
  });
  after(() => app.stop());

  const good: TestConfig = {
    auth: { method: 'userpass', username: 'alice', password: `${CANARY}-password` },
    secrets: { a: 'secret/a' },
    outputs: [{ path: 'c.txt', contents: '{{a.key}}' }],
  };

  const shows = (result: CliResult, ...files: readonly string[]): boolean =>
    [result.stdout, result.stderr, ...files].some((text) => text.includes(CANARY));

  const check = async (
    config: TestConfig,
    args: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<number> => {
    let code = 0;
    for (const format of ['json', 'text']) {
      const report = app.workspace.write('report.json', '');
      const flags = ['--log-level', 'debug', '--log-format', format, '--report', report, ...args];
      const message = app.workspace.write('termination-log', '');
      const result = await app.render(config, flags, {
        env: { ...env, VAULTONCE_TERMINATION_LOG: message },
      });
      const files = ['report.json', 'termination-log'].map((name) => app.workspace.read(name));
      assert.ok(files.every((text) => text !== ''));
      assert.ok(!shows(result, ...files), `${result.stdout}${result.stderr}`);
      code = result.code ?? -1;
    }
    return code;
  };

  const variations: readonly (readonly [
    name: string,
    code: number,
    config: TestConfig,
    env?: Record<string, string>,
  ])[] = [
    ['success', 0, good],
    [
      'a wrong password',
      4,
      { ...good, auth: { method: 'userpass', username: 'alice', password: `${CANARY}-wrong` } },
    ],
    ['a token that is not accepted', 4, { ...good, auth: { method: 'token', token: `s.${CANARY}` } }],
    ['a token of the environment', 4, { ...good, auth: { method: 'token' } }, { VAULT_TOKEN: `s.${CANARY}` }],
    ...['curl', '1'].map(
      (value) =>
        [
          `a token, where Bun is asked to print requests (${value})`,
          4,
          { ...good, auth: { method: 'token', token: `s.${CANARY}` } },
          { BUN_CONFIG_VERBOSE_FETCH: value },
        ] as const,
    ),
    ['a token that no header carries', 3, { ...good, auth: { method: 'token', token: `s.${CANARY}\ud800` } }],
    [
      'a proxy that is not supported',
      3,
      { ...good, vault: { address: 'http://vault.invalid' } },
      { HTTP_PROXY: `socks5://user:${CANARY}@127.0.0.1:1` },
    ],
    [
      'a proxy that is down',
      9,
      { ...good, vault: { address: 'http://vault.invalid', max_retries: 0 } },
      { HTTP_PROXY: `http://user:${CANARY}@127.0.0.1:1` },
    ],
    [
      'a token in place of a proxy',
      9,
      { ...good, vault: { address: 'http://vault.invalid', max_retries: 0 } },
      { VAULT_PROXY_ADDR: TOKEN },
    ],
    [
      'a CA that cannot be parsed',
      3,
      { ...good, vault: { address: 'https://127.0.0.1:1' } },
      { VAULT_CACERT_BYTES: `-----BEGIN CERTIFICATE-----\\n${CANARY}` },
    ],
    ['a jwt that is refused', 4, { ...good, auth: { method: 'jwt', jwt: `${CANARY}.${CANARY}.${CANARY}` } }],
    [
      'an approle that is refused',
      4,
      { ...good, auth: { method: 'approle', role_id: `${CANARY}-id`, secret_id: CANARY } },
    ],
    [
      'an aws login that is refused',
      4,
      { ...good, auth: { method: 'aws', role: 'r', access_key_id: 'a', secret_access_key: CANARY } },
      { AWS_EC2_METADATA_DISABLED: 'true' },
    ],
    [
      'a gcp key that is none',
      3,
      { ...good, auth: { method: 'gcp', type: 'iam', role: 'r', credentials: `{"private_key": "${CANARY}` } },
    ],
    [
      'an alicloud login that is refused',
      4,
      {
        ...good,
        auth: {
          method: 'alicloud',
          role: 'r',
          region: 'cn-hangzhou',
          access_key: 'a',
          access_secret: CANARY,
          security_token: `${CANARY}-token`,
        },
      },
    ],
    ['a missing key', 6, { ...good, outputs: [{ path: 'c.txt', contents: '{{a.kye}} {{a.key}}' }] }],
    [
      'a value that dotenv cannot carry',
      8,
      { ...good, outputs: [{ path: 'c.env', format: 'dotenv', secret: 'a' }] },
    ],
    [
      'a value that an env file cannot carry',
      8,
      { ...good, outputs: [{ path: 'c.env', format: 'env-file', secret: 'a' }] },
    ],
    [
      'a key that is missing below a value',
      6,
      {
        ...good,
        outputs: [
          { path: 'c', contents: '{{a.key.x}}' },
          { path: 'd', value: 'a#key.x' },
        ],
      },
    ],
    [
      'a value that ini cannot carry',
      8,
      { ...good, outputs: [{ path: 'c.ini', format: 'ini', secret: 'a' }] },
    ],
    [
      'a name that a shell keeps for itself',
      8,
      {
        ...good,
        outputs: [{ path: 'c.sh', format: 'shell', secret: 'a', keys: { rename: { key: 'RANDOM' } } }],
      },
    ],
    [
      'a value that is not base64',
      8,
      { ...good, outputs: [{ path: 'c', secret: 'a', key: 'quotes', decode: 'base64' }] },
    ],
    [
      'a lambda that cannot decode',
      7,
      { ...good, outputs: [{ path: 'c', contents: '{{#@base64decode}}{{a.quotes}}{{/@base64decode}}' }] },
    ],
    [
      'a write that is refused',
      5,
      { ...good, secrets: { a: { path: 'sys/mounts/x', write: { type: `${CANARY}-type` } } } },
    ],
    ['a secret in the wrong place: a method', 3, { ...good, auth: { method: `${CANARY}-method` } }],
    ['a secret in the wrong place: a number', 3, { ...good, concurrency: `${CANARY}-number` }],
    [
      'a secret in the wrong place: a mode',
      3,
      { ...good, outputs: [{ path: 'c', contents: 'x', mode: CANARY }] },
    ],
    ['a secret in the wrong place: a path', 3, { ...good, secrets: { a: { path: `${CANARY}//x` } } }],
    ['a secret in the wrong place: an address', 3, { ...good, vault: { address: `user:${CANARY}@host` } }],
    ['a password in the address', 3, { ...good, vault: { address: `https://user:${CANARY}@host:8200` } }],
    ['a variable that is no boolean', 3, good, { VAULT_SKIP_VERIFY: CANARY }],
    [
      'an interpolated secret in a template that does not parse',
      7,
      { ...good, outputs: [{ path: 'c', contents: '${X} {{#a}}' }] },
      { X: CANARY },
    ],
    [
      'a role_id file that is a secret path',
      3,
      { ...good, auth: { method: 'approle', role_id: `a\n${CANARY}` } },
    ],
  ];
  const misplaced = (auth: TestConfig): TestConfig => ({ ...good, auth });
  const tls = { ...good, vault: { address: 'https://127.0.0.1:1' } };
  const certificate = { VAULT_CLIENT_CERT: '/nonexistent/tls.crt' };
  const inPlaceOfPaths: typeof variations = [
    ['token_file', 3, misplaced({ method: 'token', token_file: TOKEN })],
    ['token_file, wrapped', 3, misplaced({ method: 'token', token_file: TOKEN, wrapped: true })],
    ['token_env', 3, misplaced({ method: 'token', token_env: TOKEN })],
    [
      'token_env in a list',
      3,
      {
        ...good,
        auth: [
          { method: 'token', token_env: TOKEN },
          { method: 'jwt', jwt_file: JWT },
        ],
      },
    ],
    ['startup_jitter', 3, { ...good, startup_jitter: KEY }],
    ['ca_cert', 3, { ...good, vault: { address: 'https://127.0.0.1:1', tls: { ca_cert: KEY } } }],
    ['token_env, a password', 3, misplaced({ method: 'token', token_env: `${CANARY}_password` })],
    [
      'password_file',
      3,
      misplaced({ method: 'userpass', username: 'alice', password_file: `${CANARY}Pass!` }),
    ],
    ['secret_id_file', 3, misplaced({ method: 'approle', role_id: 'r', secret_id_file: `${CANARY}-84f1` })],
    ['secret_id_env', 3, misplaced({ method: 'approle', role_id: 'r', secret_id_env: `${CANARY}-84f1` })],
    ['role_id_file', 3, misplaced({ method: 'approle', role_id_file: KEY })],
    ['jwt_file', 3, misplaced({ method: 'jwt', jwt_file: JWT })],
    ['jwt_env', 3, misplaced({ method: 'jwt', jwt_env: JWT })],
    ['token_file of kubernetes', 3, misplaced({ method: 'kubernetes', role: 'r', token_file: JWT })],
    ['token_file of github', 3, misplaced({ method: 'github', token_file: `ghp_0123456789abcdef${CANARY}` })],
    [
      'payload_file',
      3,
      misplaced({ method: 'custom', path: 'x/login', payload_file: `{"password":"${CANARY}"}` }),
    ],
    ['client_cert of auth', 3, misplaced({ method: 'cert', client_cert: PEM, client_key: PEM })],
    [
      'credentials_file',
      3,
      misplaced({ method: 'gcp', type: 'iam', role: 'r', credentials_file: `{"private_key":"${CANARY}"}` }),
    ],
    [
      'cf_instance_key',
      3,
      misplaced({ method: 'cf', role: 'r', cf_instance_cert: PEM, cf_instance_key: PEM }),
    ],
    [
      'secret_access_key_file',
      3,
      misplaced({ method: 'aws', role: 'r', access_key_id: 'a', secret_access_key_file: KEY }),
    ],
    [
      'access_secret_file',
      3,
      misplaced({
        method: 'alicloud',
        role: 'r',
        region: 'cn-hangzhou',
        access_key: 'a',
        access_secret_file: CANARY,
      }),
    ],
    ['config_file of oci', 3, misplaced({ method: 'oci', role: 'r', type: 'apikey', config_file: PEM })],
    [
      'private_key_file',
      3,
      misplaced({
        method: 'oci',
        role: 'r',
        type: 'apikey',
        tenancy_ocid: 't',
        user_ocid: 'u',
        fingerprint: 'f',
        private_key_file: PEM,
      }),
    ],
    [
      '$AZURE_FEDERATED_TOKEN_FILE',
      3,
      misplaced({ method: 'azure', role: 'r' }),
      { AZURE_FEDERATED_TOKEN_FILE: JWT },
    ],
    ['$VAULT_CLIENT_KEY', 3, tls, { VAULT_CLIENT_CERT: PEM, VAULT_CLIENT_KEY: PEM }],
    ['$VAULT_CLIENT_CERT', 3, tls, { ...certificate, VAULT_CLIENT_KEY: PEM }],
    ['$VAULT_CACERT', 3, tls, { VAULT_CACERT: PEM }],
    ['$VAULT_CAPATH', 3, tls, { VAULT_CAPATH: PEM }],
    ['template', 3, { ...good, outputs: [{ path: 'c.txt', template: TOKEN }] }],
    ['path of an output', 3, { ...good, outputs: [{ path: TOKEN, contents: '{{a.key}}' }] }],
    ['output.directory', 3, { ...good, output: { directory: `/x/${TOKEN}` } }],
    ['a key', 3, { ...good, [TOKEN]: 'x' }],
    ['a mount', 3, misplaced({ method: 'jwt', mount: TOKEN, jwt: JWT })],
    ['a namespace', 3, { ...good, vault: { namespace: TOKEN } }],
    ['a path of a secret', 3, { ...good, secrets: { a: `secret/${TOKEN}` } }],
    ['a name of a secret', 3, { ...good, outputs: [{ path: 'c', format: 'json', secret: TOKEN }] }],
    ['a reference', 3, { ...good, outputs: [{ path: 'c', value: `${TOKEN}#key` }] }],
    ['a name in a template', 3, { ...good, outputs: [{ path: 'c', contents: `{{${TOKEN}}}` }] }],
    ['a key', 6, { ...good, outputs: [{ path: 'c', secret: 'a', key: TOKEN }] }],
    ['a key of a reference', 6, { ...good, outputs: [{ path: 'c', value: `a#${TOKEN}` }] }],
    ['a key in a template', 6, { ...good, outputs: [{ path: 'c', contents: `{{a."${TOKEN}"}}` }] }],
    [
      'a key to include',
      6,
      { ...good, outputs: [{ path: 'c', format: 'json', secret: 'a', keys: { include: [TOKEN] } }] },
    ],
    [
      'a new name of a key',
      8,
      {
        ...good,
        outputs: [{ path: 'c', format: 'dotenv', secret: 'a', keys: { rename: { key: TOKEN } } }],
      },
    ],
    ['a username', 3, misplaced({ method: 'userpass', username: TOKEN, password: 'x' })],
    ['a role', 4, misplaced({ method: 'jwt', mount: 'jwt', role: TOKEN, jwt: 'x' })],
    [
      'password_file of a key store',
      3,
      {
        ...good,
        outputs: [{ path: 'c.p12', format: 'pkcs12', secret: 'a', password_file: `${CANARY}Pass!` }],
      },
    ],
    [
      'service_account',
      3,
      {
        ...good,
        outputs: [{ kubernetes_secret: { name: 'n', key: 'k', service_account: TOKEN }, contents: 'x' }],
      },
      { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '1' },
    ],
  ];
  for (const [name, code, config, env] of inPlaceOfPaths) {
    test(`in place of a path or a name: ${name}`, async () => {
      assert.equal(await check(config, [], env), code);
    });
  }

  test('in place of a path, a name or a flag on the command line', async () => {
    const config = app.config(good);
    const inPod = [
      '--no-config',
      '--auth',
      'kubernetes',
      '--role',
      'r',
      '--out',
      '/vault/secrets/x=secret/a#key',
    ];
    const socket = app.workspace.path('vault.sock');
    const cases: readonly (readonly [code: number, args: readonly string[], env?: Record<string, string>])[] =
      [
        [3, ['render', '-c', TOKEN]],
        [3, ['render', '-c', PEM]],
        [3, ['render', '-c', config, '-c', PEM, '-c', PEM]],
        [3, ['render'], { VAULTONCE_CONFIG: `auth: {password: ${CANARY}}` }],
        [3, ['render', '-c', config, '--fixtures', TOKEN]],
        [8, ['render', '-c', config, '--report', KEY]],
        [8, ['render', '-c', config], { VAULTONCE_REPORT: `/nonexistent/${TOKEN}` }],
        [2, ['render', '--no-config', '-c', TOKEN]],
        [2, ['render', `--no-config=${TOKEN}`]],
        [
          3,
          [
            'render',
            '--no-config',
            '--out',
            'a=secret/a#key',
            '--auth',
            'jwt',
            '--set',
            `auth.jwt_file=${JWT}`,
          ],
        ],
        [2, ['render', '-c', config, `--token=${TOKEN}`]],
        [2, ['render', '-c', config, `--${TOKEN}`]],
        [2, ['render', '-c', config, '--out', `${TOKEN}=secret/a#key`]],
        [2, ['render', '-c', config, '--secret', `${KEY}x`]],
        [2, ['render', '-c', config, '--set', KEY]],
        [2, ['render', '-c', config, '--set', `vault.${KEY}`]],
        [2, ['read', 'secret/a#key', '--out', PEM]],
        [2, ['env', '-c', config, '--format', 'shell', '--out', PEM]],
        [2, ['schema', '--out', PEM]],
        [2, ['schema', '--out', TOKEN]],
        [2, ['env', '-c', config, '--format', TOKEN]],
        [2, ['env', '-c', config, '--env', `A=${TOKEN}`]],
        [2, ['env', '-c', config, '--env', `*=${TOKEN}`]],
        [3, ['env', '-c', config, '--env-from', TOKEN]],
        [2, ['env', '-c', config, '--env-lines', TOKEN]],
        [2, ['env', '-c', config, '--env-lines', `${PEM};A=${KEY}\nsecret/a ${TOKEN} | A`]],
        [2, ['exec', '-c', config, '--env-lines', `secret/a key | ${JWT}`, '--', 'true']],
        [3, ['env', '-c', config, '--env-lines', `${TOKEN} key`]],
        [6, ['env', '-c', config, '--env', `A=secret/a#${TOKEN}`]],
        [3, ['render'], { VAULTONCE_CONFIG_INLINE: `{"vault.${KEY}": 1, "auth.${KEY}": 1}` }],
        [3, ['render'], { VAULTONCE_CONFIG_INLINE: `{"secrets": "${TOKEN}", "auth": {"type": "${TOKEN}"}}` }],
        [3, ['check', '-c', config, '--fixtures', TOKEN]],
        [3, ['check', '-c', config, '--defaults', TOKEN]],
        [3, ['check', '-c', config, '--defaults', PEM]],
        [3, ['check', '-c', config], { VAULTONCE_DEFAULTS: `/nonexistent/${TOKEN}` }],
        [3, ['check', '-c', config], { VAULTONCE_DEFAULTS_INLINE: `{"vault": {"${KEY}": "${TOKEN}"}}` }],
        [3, ['check', '-c', config], { VAULTONCE_DEFAULTS_INLINE: `timeout: [${TOKEN}` }],
        [3, ['manifest', '-c', config]],
        [3, ['manifest', ...inPod, '--set', `auth.token_file=${TOKEN}`]],
        [3, ['manifest', ...inPod, '--set', `auth.token_file=${KEY}`]],
        [3, ['manifest', ...inPod, '--set', `vault.tls.ca_cert=${KEY}`]],
        [3, ['manifest', ...inPod, '--set', `output.directory=${TOKEN}`]],
        [3, ['manifest', ...inPod, '--fixtures', TOKEN]],
        [3, ['manifest', ...inPod], { VAULT_CACERT: PEM }],
        [2, ['manifest', ...inPod, '--name', TOKEN]],
        [2, ['manifest', ...inPod, '--container', TOKEN]],
        [2, ['manifest', ...inPod, '--image', PEM]],
        [2, ['manifest', ...inPod, '--format', TOKEN]],
        [0, ['manifest', ...inPod], { VAULT_TOKEN: TOKEN, BAO_TOKEN: TOKEN }],
        [2, [TOKEN]],
        [2, ['env', '-c', config, '--format', TOKEN]],
        [3, ['read', `${TOKEN}#key`]],
        [3, ['csi', '--endpoint', TOKEN]],
        [3, ['csi', '--endpoint', `/nonexistent/${TOKEN}.sock`]],
        [3, ['csi', '--endpoint', PEM]],
        [3, ['csi', '--endpoint', socket, '--health', TOKEN]],
        [3, ['csi', '--endpoint', socket, '--defaults', TOKEN]],
        [2, ['csi', '--endpoint', socket, '--max-call-recv-msg-size', TOKEN]],
        [2, ['csi', '--endpoint', socket, '--timeout', TOKEN]],
        [2, ['csi', '--endpoint', socket, `--token=${TOKEN}`]],
        [127, ['exec', '-c', config, '--', TOKEN]],
        [127, ['exec', '-c', config, '--', `/nonexistent/${TOKEN}`]],
      ];
    for (const [code, args, env = {}] of cases) {
      const report = app.workspace.write('report.json', '');
      const message = app.workspace.write('termination-log', '');
      const reported = { VAULTONCE_REPORT: report, VAULTONCE_TERMINATION_LOG: message };
      const result = await runCli(args, {
        cwd: app.workspace.root,
        env: { VAULT_ADDR: app.server.address, ...reported, ...env },
      });
      const files = ['report.json', 'termination-log'].map((name) => app.workspace.read(name));
      assert.ok(!shows(result, ...files), `${args.join(' ')}\n${result.stdout}${result.stderr}`);
      assert.equal(result.code, code, `${args.join(' ')}\n${result.stderr}`);
    }
  });

  for (const [name, code, config, env] of variations) {
    test(name, async () => {
      assert.equal(await check(config, [], env), code);
    });
  }

  test('variables that cannot be what they are declared as', async () => {
    const cases: readonly (readonly [number, object])[] = [
      [8, { '*': 'secret/canaries' }],
      [8, { '*': 'secret/a#key' }],
      [6, { '*': { value: 'secret/a', keys: { include: ['nope'] } } }],
      [6, { A: { template: '{{a.nope}} {{a.key}}' } }],
      [7, { A: { template: '{{#@base64decode}}{{a.quotes}}{{/@base64decode}}' } }],
      [3, { A: CANARY }],
      [3, { A: { value: `secret/${CANARY}/#x` } }],
    ];
    await app.putKv2('canaries', { 'no-name': `${CANARY}-x`, LD_PRELOAD: `${CANARY}-y` });
    for (const [code, environment] of cases) {
      const path = app.config({ ...good, environment });
      for (const format of ['json', 'text']) {
        const result = await runCli(['env', '-c', path, '--log-level', 'debug', '--log-format', format]);
        assert.equal(result.code, code, result.stderr);
        assert.ok(!shows(result), result.stderr);
      }
    }
  });

  test('what is checked, and what looks like the config of another tool', async () => {
    const login = { method: 'userpass', username: 'alice', password: `${CANARY}-password` };
    const plain = JSON.stringify({ ...good, vault: { address: app.server.address } });
    const online = (secrets: object): string =>
      JSON.stringify({ vault: { address: app.server.address }, auth: login, secrets, outputs: [] });
    const cases: readonly (readonly [
      code: number,
      args: readonly string[],
      config: string,
      fixtures?: string,
    ])[] = [
      [3, ['check'], `auto_auth {\n  method "approle" {\n    secret_id = "${TOKEN}"\n  }\n}\n`],
      [3, ['check'], `vault {\n  token = "${TOKEN}"\n}\nsecret {\n  path = "${KEY}"\n}\n`],
      [3, ['check'], `{{ with secret "${TOKEN}" }}{{ .Data.${CANARY} }}{{ end }}`],
      [3, ['check'], `auth: { type: ${TOKEN}, path: ${KEY} }`],
      [3, ['check'], `auth: { method: token, ${TOKEN}: x, tokn: ${TOKEN} }`],
      [3, ['check'], `outputs: [{ path: a, format: ${TOKEN}, secret: a }]\nrevoke: ${KEY}\n`],
      [7, ['check'], `outputs: [{ path: a, contents: '{{ .Data.data.${TOKEN} }}' }]`],
      [7, ['check'], `outputs: [{ path: a, contents: '{{ if db.${TOKEN} }}' }]`],
      [7, ['check'], `secrets: { a: secret/a }\noutputs: [{ path: a, contents: "{{#a}}{{${TOKEN}" }]`],
      [3, ['check'], `environment: { A: ['${TOKEN}'] }`],
      [3, ['check'], `environment: { A: [secret/a#key, '${TOKEN}#key'] }`],
      [3, ['check'], `environment: { A: { value: secret/a#key, keys: { prefix: '${TOKEN}' } } }`],
      [3, ['check'], `vault: { address: '${TOKEN}' }`],
      [3, ['check'], `startup_jitter: 5m\nvault: { proxy_address: '${TOKEN}:x' }`],
      [3, ['check'], `secrets: ${'['.repeat(200)}${TOKEN}${']'.repeat(200)}`],
      [
        3,
        ['check'],
        `secrets:\n${Array.from({ length: 150 }, (_, at) => `  a${String(at)}: '${TOKEN}//'\n`).join('')}`,
      ],
      [3, ['check'], TOKEN],
      [3, ['check'], `a: &x ${TOKEN}\na: *y\n`],
      [3, ['check'], `{"auth": {"token": "${TOKEN}"`],
      [5, ['check', '--online'], online({ a: 'sys/tools/random' })],
      [5, ['check', '--online'], online({ a: { path: 'sys/mounts/x', write: { type: TOKEN } } })],
      [4, ['check', '--online', '--set', `auth.password=${CANARY}-wrong`], plain],
      [2, ['check', '--no-config', '--secret', `a=${TOKEN}//`], plain],
      [3, ['check', '--fixtures', 'FIXTURES'], plain, `${TOKEN}: { a: ${CANARY} }`],
      [3, ['check', '--fixtures', 'FIXTURES'], plain, `a: ${TOKEN}`],
      [3, ['check', '--fixtures', 'FIXTURES'], plain, `a: { '@version': ${TOKEN} }`],
      [3, ['check', '--fixtures', 'FIXTURES'], plain, `a: ${'['.repeat(600)}${']'.repeat(600)} ${TOKEN}`],
      [6, ['check', '--fixtures', 'FIXTURES'], plain, `a: { kye: ${TOKEN} }`],
      [
        8,
        ['check', '--fixtures', 'FIXTURES'],
        `secrets: { a: secret/a }\nenvironment: { '*': a }`,
        `a: { 'no name': ${TOKEN} }`,
      ],
      [
        7,
        ['check', '--fixtures', 'FIXTURES'],
        `secrets: { a: secret/a }\nenvironment: { A: { template: '{{#@base64decode}}{{a.k}}{{/@base64decode}}' } }`,
        `a: { k: '${TOKEN}!' }`,
      ],
    ];
    for (const [code, args, config, fixtures = ''] of cases) {
      const path = app.workspace.write('canaries.yaml', config);
      const values = app.workspace.write('canaries-fixtures.yaml', fixtures);
      const given = args.map((arg) => (arg === 'FIXTURES' ? values : arg));
      const file = given.includes('--no-config') ? [] : ['-c', path];
      const env = config.startsWith('vault: { address') ? {} : { VAULT_ADDR: app.server.address };
      for (const format of ['json', 'text']) {
        const flags = ['--log-level', 'debug', '--log-format', format];
        const result = await runCli([...given, ...file, ...flags], { env });
        assert.ok(!shows(result), `${config}\n${result.stdout}${result.stderr}`);
        assert.equal(result.code, code, `${config}\n${result.stderr}`);
      }
    }
  });

  test('files of other tools: what is in them is neither shown nor written', async () => {
    const files: Readonly<Record<string, string>> = {
      'agent.hcl': `vault { address = "https://u:${TOKEN}@vault" }
auto_auth { method "${KEY}" { config = { "${TOKEN}" = "${TOKEN}" } } }
"${TOKEN}" = "${JWT}"
template {
  destination = "/run/a"
  user = "${KEY}"
  contents = "{{ with secret \\"a\\" \\"password=${CANARY}\\" }}{{ upper '${TOKEN}' }}{{ end }}"
}
`,
      'open.hcl': `auto_auth { method "aws" { config = { secret_key = "${KEY} } } }\n`,
      'words.hcl': `token = "${TOKEN}" ${TOKEN}\n`,
      'bad.json': `{"vault": {"token": "${TOKEN}", ${CANARY}}}`,
      'bad.yaml': `apiVersion: v1\nmetadata: { a: "${TOKEN}" b: ${CANARY} }\n`,
      'pod.yaml': `kind: Pod
metadata:
  annotations:
    vault.hashicorp.com/service: https://u:${TOKEN}@vault
    vault.hashicorp.com/auth-type: ${KEY}
    vault.hashicorp.com/auth-config-${TOKEN}: ${TOKEN}
    vault.hashicorp.com/${TOKEN}: ${JWT}
    vault.hashicorp.com/agent-inject-secret-x: ${TOKEN}
`,
      'class.yaml': `kind: SecretProviderClass
spec:
  provider: vault
  parameters:
    vaultAddress: https://u:${TOKEN}@vault
    objects: |
      - { objectName: ${TOKEN}, secretPath: ${TOKEN}, secretKey: ${TOKEN}, method: "${KEY}", filePermission: "${KEY}" }
      - { objectName: b, secretPath: auth/a, secretKey: k, method: PUT, secretArgs: { password: "${KEY}", a: ${TOKEN} } }
`,
      'other-class.yaml': `kind: SecretProviderClass\nspec: { provider: "${TOKEN}", parameters: { objects: "${TOKEN}" } }\n`,
      'ci.yml': `jobs:
  a:
    steps:
      - uses: hashicorp/vault-action@v3
        with:
          url: https://u:${TOKEN}@vault
          method: userpass
          username: a
          token: ${TOKEN}
          password: ${KEY}
          secretId: ${KEY}
          extraHeaders: ${TOKEN}
          secrets: |
            ${TOKEN} ${TOKEN} | ${TOKEN} ;
            ${KEY}
`,
      'ct.hcl': `vault {
  address = "https://vault"
  token = "${TOKEN}"
  k8s_service_account_token = "${JWT}"
  ssl { ca_cert_bytes = "${CANARY}" }
}
consul { token = "${CANARY}" }
template { source = "${TOKEN}" destination = "${TOKEN}" }
`,
      'ec.hcl': `token = "${CANARY}"
auth { password = "${CANARY}" }
upcase = true
secret {
  path = "a"
  format = "${TOKEN}{{ key }}x"
}
`,
      'go.ctmpl': `{{ "${TOKEN}" | }}{{ .${CANARY}`,
    };
    for (const [name, text] of Object.entries(files)) {
      const file = app.workspace.write(`tools/${name}`, text);
      for (const args of [[], ['--partial', '--force']]) {
        const out = app.workspace.path('tools-out');
        const result = await runCli(['migrate', file, '--out', out, ...args]);
        const written = app.workspace.list('.').filter((path) => path.startsWith('tools-out/'));
        const texts = written.map((path) => app.workspace.read(path));
        assert.ok(!shows(result, ...texts), `${name}: ${result.stdout}${result.stderr}${texts.join('')}`);
        assert.ok(result.code === 3 || written.length > 0, name);
      }
    }
  });

  test('a server that repeats what it was sent', async () => {
    const echo = await startStandIn({
      target: app.server.address,
      answer: ({ body, headers, path }): Answer => {
        const sent = `${body} ${String(headers['x-vault-token'])}`;
        if (path.includes('login') && body.includes(CANARY))
          return { status: 400, body: { errors: [`you sent ${sent}`] } };
        return { status: 403, body: { errors: [`you sent ${sent}`], warnings: [sent] } };
      },
    });
    try {
      assert.equal(await check(good, ['--address', echo.address]), 4);
      const token = { ...good, auth: { method: 'token', token: `s.${CANARY}-token` } };
      const write = {
        secrets: {
          a: { path: 'x/y', write: { plaintext: `${CANARY}-plain`, nested: { deep: [`${CANARY}-deep`] } } },
        },
        outputs: [],
      };
      assert.equal(await check({ ...token, ...write }, ['--address', echo.address]), 5);
    } finally {
      await echo.stop();
    }
  });

  test('a cluster that repeats what it was sent', async () => {
    const pod = createWorkspace();
    const cluster = await startCluster(pod);
    const encoded = Buffer.from(`${CANARY}-fetched`).toString('base64');
    const text = `${CANARY}-fetched ${encoded} ${CANARY}-token-of-the-account`;
    try {
      const secret = { name: 'db', key: 'a', service_account: cluster.serviceAccount };
      const config = {
        ...good,
        outputs: [{ kubernetes_secret: { ...secret, field_manager: 'x' }, value: 'a#key' }],
        timeout: '3s',
      };
      const webhook = `admission webhook "x" denied the request: ${text}`;
      for (const [status, message, code] of [
        [400, webhook, 8],
        [400, text, 8],
        [403, text, 8],
        [409, text, 8],
        [422, text, 8],
        [500, text, 9],
      ] as const) {
        const causes = [{ field: text, message: `${text}!`, reason: text }];
        const answer = { status, body: { message, details: { causes } } };
        cluster.answers.length = 0;
        cluster.answers.push(...Array.from({ length: status === 500 ? 50 : 2 }, () => answer));
        assert.equal(await check(config, [], cluster.env), code);
      }
    } finally {
      await cluster.stop();
      pod.remove();
    }
  });

  test('what watch says of handlers, health, probes, reloads, the command and its variables', async () => {
    const watch = (own: object): TestConfig => ({ ...good, watch: { refresh: '1s', settle: 0, ...own } });
    // Refused before the first request.
    const refused: readonly (readonly [TestConfig, ...string[]])[] = [
      [watch({ on_change: { run: [TOKEN] } })],
      [watch({ on_change: { run: [KEY] } })],
      [watch({ on_change: { http: { url: TOKEN } } })],
      [watch({ on_change: { http: { url: `https://user:${CANARY}@127.0.0.1/` } } })],
      [watch({ on_change: { signal: TOKEN } })],
      [watch({ on_change: { [TOKEN]: 'x' } })],
      [watch({ on_change: TOKEN })],
      [watch({ health: { address: TOKEN } })],
      [watch({ health: { address: `unix://${app.workspace.path('none', TOKEN)}` } })],
      [watch({ health: { address: `${CANARY}.invalid:1` } })],
      [watch({ refresh: TOKEN })],
      [watch({ rotate_at: TOKEN })],
      [watch({ [TOKEN]: 1 })],
      [watch({ health: { address: `unix://${app.workspace.path(TOKEN)}` } }), '--probe'],
      [watch({ health: { address: TOKEN } }), '--probe'],
      [watch({}), '--probe', TOKEN],
      [watch({}), '--', `./${TOKEN}`],
      [watch({}), '--', JWT],
      [watch({}), '--fixtures', TOKEN],
      [{ ...watch({}), auth: { method: 'token', token_file: TOKEN, wrapped: true } }],
      [
        {
          ...watch({}),
          auth: { method: 'approle', role_id: KEY, secret_id: TOKEN, secret_id_wrapped: true },
        },
      ],
    ];
    for (const [config, ...args] of refused) {
      const result = await runCli(['watch', '-c', app.config(config), '--log-level', 'debug', ...args]);
      assert.notEqual(result.code, 0);
      assert.ok(!shows(result), `${JSON.stringify(config['watch'])}: ${result.stderr}`);
    }
    // Told while it runs.
    const ready = app.workspace.write('ready', '');
    const script = app.workspace.write(
      'app.sh',
      `#!/bin/sh\ntrap '' HUP\nprintf %s "$A" >'${ready}'\nwhile :; do sleep 0.1; done\n`,
      0o755,
    );
    /** A restart ends here: what SIGHUP finds before that is ended by it. */
    const started = async (value: string): Promise<void> => {
      await until(`the command with ${value}`, () => app.workspace.read('ready') === value);
      app.workspace.write('ready', '');
    };
    for (const format of ['json', 'text']) {
      const config = (own: TestConfig = {}): string =>
        app.config({
          ...watch({
            on_change: [
              { signal: 'SIGHUP', process: TOKEN },
              { signal: 'SIGHUP', pid_file: `/run/${TOKEN}` },
              { signal: 'SIGHUP', pid_file: app.workspace.write('pid', `${CANARY}\n`) },
              { run: ['sh', '-c', `exit 3; # ${CANARY}`] },
              { http: { url: `http://127.0.0.1:1/${TOKEN}?key=${CANARY}` } },
              { http: { url: `unix:///run/${TOKEN}` } },
              'restart',
            ],
          }),
          environment: { A: 'a#key' },
          ...own,
        });
      const flags = ['--log-level', 'debug', '--log-format', format];
      const running = startCli(['watch', '-c', config(), ...flags, '--', script]);
      await running.stderrMatches(/watching/);
      await started(`${CANARY}-fetched`);
      await app.putKv2('a', { key: `${CANARY}-other\u0000` });
      // The variable cannot hold it.
      await running.stderrMatches(/the variables? |stays as it was|secret_stale|variables_refused/);
      await started(`${CANARY}-fetched`);
      await app.putKv2('a', { key: `${CANARY}-third` });
      await started(`${CANARY}-third`);
      await running.stderrMatches(/(?:exit|status) 3[^]*unix socket/);
      app.workspace.write('vaultonce.yaml', `vault: { address: "${TOKEN}", ${CANARY}`);
      running.child.kill('SIGHUP');
      await running.stderrMatches(/the config stays as it was|reload_refused/);
      config({ outputs: [{ path: 'c.txt', contents: `{{a.${CANARY}}} {{` }] });
      running.child.kill('SIGHUP');
      await running.stderrMatches(/(?:(?:the config stays as it was|reload_refused)[^]*){2}/);
      config({ auth: { method: 'userpass', username: 'alice', password: `${CANARY}-wrong` } });
      running.child.kill('SIGHUP');
      await running.stderrMatches(/(?:(?:the config stays as it was|reload_refused)[^]*){3}/);
      await app.server.revokeTokens();
      await running.stderrMatches(/no longer knows the token/);
      running.child.kill('SIGTERM');
      const result = await running.done;
      assert.equal(result.code, 143, result.stderr);
      assert.ok(!shows(result), result.stderr);
      await app.putKv2('a', { key: `${CANARY}-fetched`, quotes: `${CANARY}-'"\\`, number: 'x' });
    }
  });

  test('outages, broken answers and connections', async () => {
    const answers: readonly Answer[] = [
      { status: 500, text: `<html>${CANARY}</html>` },
      { status: 200, text: `{"auth": {"client_token": "${CANARY}", ` },
      { status: 200, body: { auth: { token: CANARY } } },
      { status: 200, body: { auth: { client_token: `${CANARY}\n` } } },
      'drop',
      'hang',
    ];
    for (const answer of answers) {
      const standIn = await startStandIn({ answer: () => answer });
      const code = await check({ ...good, vault: { max_retries: 1 } }, [
        '--address',
        standIn.address,
        '--timeout',
        '1s',
      ]);
      assert.ok([4, 9, 124].includes(code), String(code));
      await standIn.stop();
    }
  });

  test('text of the server can be no command of a CI runner', async () => {
    const errors = [
      '::set-env name=X::y',
      '##vso[task.setvariable variable=x]y',
      'line\n::error::x',
      '##[section]x',
      '\u001b[31mred',
    ];
    const standIn = await startStandIn({ answer: () => ({ status: 400, body: { errors } }) });
    const result = await app.render(good, ['--address', standIn.address, '--log-format', 'text']);
    await standIn.stop();
    assert.equal(result.code, 4);
    assert.doesNotMatch(result.stderr, /::|##\[|##vso\[|\u001b/);
  });
});
