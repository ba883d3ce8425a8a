import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp } from '../support/app.ts';
import { admit } from '../support/cel-policies.ts';
import { runCli, type CliResult } from '../support/cli.ts';
import { MINIMUM, objectsOf, parametersWith, pod, review } from '../support/injection.ts';
import { PUBLIC_PEM, signJwt, soon } from '../support/jwt.ts';
import { expanded, type Pod } from '../support/kubelet.ts';
import { kubernetesSchemas, type KubernetesObject } from '../support/kubernetes.ts';
import { needsPlugins } from '../support/needs.ts';

describe('the injected container', await needsPlugins('auth/jwt'), () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    const { api } = app.server;
    await api.post('sys/auth/prod', { type: 'jwt' });
    await api.post('auth/prod/config', { jwt_validation_pubkeys: [PUBLIC_PEM] });
    const role = { role_type: 'jwt', user_claim: 'sub', bound_audiences: ['vault'], token_policies: ['app'] };
    await api.post('auth/prod/role/web', role);
    await app.putKv2('web/db', { username: 'web', password: 'a $(B) $$ c' });
    await app.putKv2('web/$(A)', { token: 'of a strange path' });
  });
  after(() => app.stop());

  const token = (audience: string): string =>
    signJwt({ aud: audience, sub: 'system:serviceaccount:shop:web', iat: soon() - 700, exp: soon() });

  /** Runs what the policies add to a pod, with its paths in a directory of its own. */
  async function run(
    annotations: Readonly<Record<string, string>>,
    configMap: Readonly<Record<string, string>> = {},
  ): Promise<CliResult> {
    app.workspace.clear();
    const parameters = parametersWith({
      VAULT_ADDR: app.server.address,
      'auth-method': 'jwt',
      'auth-token-key': 'jwt_file',
      'defaults.yaml': 'auth: { mount: prod }\n',
    });
    const { object, denied, error } = admit(review(pod({ annotations }), { parameters }));
    assert.deepEqual([denied, error], [[], undefined]);
    const { args, env, files } = expanded(object as unknown as Pod);
    const here = (text: string): string =>
      text.replaceAll(/(\/vault\/secrets|\/var\/run\/secrets\/vaultonce|\/etc\/vaultonce)/g, (path) =>
        app.workspace.path(path),
      );
    for (const [path, text] of Object.entries(files))
      app.workspace.write(path, path.endsWith('/token') ? token(text) : text);
    for (const [name, text] of Object.entries(configMap)) app.workspace.write(`etc/vaultonce/${name}`, text);
    const mapped = Object.entries(env).map(([name, value]) => [name, here(value)] as const);
    return runCli(args.map(here), { env: Object.fromEntries(mapped), cwd: app.workspace.root });
  }

  test('single keys, by annotations alone', async () => {
    const result = await run({
      ...MINIMUM,
      'out.vaultonce.dev/strange': 'secret/web/$(A)#token',
      'vaultonce.dev/auth-mount': 'prod',
      'vaultonce.dev/mode': '0440',
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('vault/secrets/password'), 'a $(B) $$ c');
    assert.equal(app.workspace.read('vault/secrets/strange'), 'of a strange path');
    assert.equal(app.workspace.mode('vault/secrets/password'), '0440');
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('defaults of the platform, and a mode that follows from who reads the files', async () => {
    const result = await run(MINIMUM);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.mode('vault/secrets/password'), '0444');
    const config = 'output: { mode: "0640" }\noutputs: [{ path: a, value: "secret/web/db#username" }]\n';
    const own = await run({ 'vaultonce.dev/config': config, 'vaultonce.dev/role': 'web' });
    assert.equal(own.code, 0, own.stderr);
    assert.equal(app.workspace.mode('vault/secrets/a'), '0640');
  });

  test('a config in an annotation, with ends of line of Windows', async () => {
    const config = [
      'auth: { method: jwt, mount: prod, role: web, jwt_file: /var/run/secrets/vaultonce/token }',
      'secrets: { db: secret/web/db }',
      'outputs:',
      '  - { path: app.txt, contents: "$${HOME} $(HOME) $$ {{db.username}}" }',
      '',
    ]
      .join('\r\n')
      .replace('/var/run/secrets/vaultonce', app.workspace.path('var/run/secrets/vaultonce'));
    const result = await run({ 'vaultonce.dev/config': config });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('vault/secrets/app.txt'), '${HOME} $(HOME) $$ web');
  });

  test('a config and its templates in a ConfigMap, a role and a mount in annotations', async () => {
    const result = await run(
      { 'vaultonce.dev/config-map': 'web', 'vaultonce.dev/role': 'web', 'vaultonce.dev/auth-mount': 'prod' },
      {
        'vaultonce.yaml': 'secrets: { db: secret/web/db }\noutputs: [{ path: a, template: a.mustache }]\n',
        'a.mustache': '{{db.password}}',
      },
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('vault/secrets/a'), 'a $(B) $$ c');
  });

  test('a mistake that no policy sees ends the container with its own code', async () => {
    const result = await run({
      'vaultonce.dev/config': 'outputs: [{ pth: a }]\r\n',
      'vaultonce.dev/role': 'web',
    });
    assert.equal(result.code, 3);
    assert.match(result.stderr, /\/var\/run\/secrets\/vaultonce\/vaultonce\.yaml:1/);
  });
});

test('policies, parameters and injected pods are valid by the schemas of Kubernetes', async () => {
  const kubernetes = await kubernetesSchemas();
  const valid = (object: unknown): void => {
    assert.deepEqual(kubernetes.problemsWith(object as KubernetesObject), []);
  };
  for (const name of ['parameters.yaml', 'policies.yaml', 'validation.yaml', 'deployment.yaml'])
    objectsOf(name).forEach(valid);
  const asked = [
    { annotations: MINIMUM },
    {
      annotations: { 'vaultonce.dev/config': 'x', 'vaultonce.dev/size': '1Mi' },
      spec: { securityContext: { runAsUser: 7 } },
    },
    {
      annotations: { 'vaultonce.dev/config-map': 'x' },
      spec: { initContainers: [{ name: 'first', image: 'x' }] },
    },
  ];
  for (const each of asked) {
    const { object, denied } = admit(review(pod(each)));
    assert.deepEqual(denied, []);
    valid(object);
  }
  const [deployment] = objectsOf('deployment.yaml').filter(({ kind }) => kind === 'Deployment');
  assert.ok(deployment);
  assert.deepEqual(admit(review(deployment)).denied, []);
  const wrong = { ...pod(), spec: { containers: [{ nme: 'x' }] } };
  assert.notDeepEqual(kubernetes.problemsWith(wrong as never), []);
});
