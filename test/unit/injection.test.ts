import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { INJECTION_FILES } from '../../.config/injection.ts';
import { admitByServerCode, needsAdmissionCode } from '../support/admission-code.ts';
import type { Fields } from '../support/apply-mutation.ts';
import { admit, type Admission, type Review } from '../support/cel-policies.ts';
import {
  ENABLED,
  KINDS,
  MINIMUM,
  MUTATING,
  objectsOf,
  parametersWith,
  pod,
  review,
  textOf,
  workload,
} from '../support/injection.ts';
import { expanded, initContainer, type Container, type Pod } from '../support/kubelet.ts';

const note = (name: string): string => `vaultonce.dev/${name}`;

/** A mistake in annotations, and what is said about it. */
const MISTAKES: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
  [{ [note('role')]: 'web' }, /^nothing to fetch: say it in an annotation/],
  [
    { ...MINIMUM, [note('secret')]: 'x' },
    /^unknown: vaultonce\.dev\/secret; known are out\.vaultonce\.dev\/FILE and/,
  ],
  [{ ...MINIMUM, 'outs.vaultonce.dev/a': 'x' }, /^unknown: outs\.vaultonce\.dev\/a;/],
  [{ ...MINIMUM, [note('defaults')]: 'timeout: 1s' }, /^unknown: vaultonce\.dev\/defaults;/],
  [{ ...MINIMUM, [note('inject')]: 'true' }, /^unknown: vaultonce\.dev\/inject;/],
  [
    { ...MINIMUM, [note('config')]: 'x', [note('config-map')]: 'x' },
    /config and .*config-map exclude each other/,
  ],
  [
    { 'out.vaultonce.dev/a': 'secret/a#b' },
    /^no role to log in with: say it in the annotation vaultonce\.dev\/role$/,
  ],
  [{ [note('config')]: ' \n' }, /config: empty$/],
  [{ [note('config-map')]: 'A_b' }, /config-map: not the name of a ConfigMap$/],
  [{ ...MINIMUM, [note('role')]: 'a b' }, /role: not the name of a role$/],
  [{ ...MINIMUM, [note('auth-mount')]: '/kubernetes' }, /auth-mount: not the path of a mount/],
  [{ ...MINIMUM, [note('address')]: 'vault:8200' }, /address: not a URL of a server/],
  [{ ...MINIMUM, [note('address')]: 'https://me:pass@vault:8200' }, /address: not a URL of a server/],
  [{ ...MINIMUM, [note('namespace')]: 'a//b' }, /namespace: not the path of a namespace/],
  [{ ...MINIMUM, [note('mode')]: '440' }, /mode: not an octal mode/],
  [{ ...MINIMUM, [note('mode')]: '0040' }, /mode: not an octal mode that its owner can read/],
  [{ ...MINIMUM, [note('directory')]: 'secrets' }, /directory: not an absolute path/],
  [{ ...MINIMUM, [note('directory')]: '/a/../b' }, /directory: not an absolute path/],
  [{ ...MINIMUM, [note('directory')]: '/a/' }, /directory: not an absolute path/],
  [{ ...MINIMUM, [note('directory')]: '/etc/vaultonce/x' }, /directory: outputs cannot be there/],
  [{ ...MINIMUM, [note('directory')]: '/dev' }, /directory: outputs cannot be there/],
  [
    { ...MINIMUM, 'out.vaultonce.dev/b': 'secret/b' },
    /^not a reference as secret\/app\/db#password: out\.vaultonce\.dev\/b$/,
  ],
  [{ ...MINIMUM, 'out.vaultonce.dev/b': '' }, /^not a reference/],
  [{ ...MINIMUM, [note('cpu')]: 'half' }, /cpu: not a quantity of Kubernetes above 0, as 50m$/],
  [{ ...MINIMUM, [note('memory')]: '64MB' }, /memory: not a quantity/],
  [{ ...MINIMUM, [note('memory-limit')]: '0' }, /memory-limit: not a quantity/],
  [{ ...MINIMUM, [note('size')]: '-8Mi' }, /size: not a quantity/],
  [
    { ...MINIMUM, [note('memory')]: '1Gi', [note('memory-limit')]: '512Mi' },
    /memory is more than .*memory-limit$/,
  ],
  [
    { ...MINIMUM, [note('containers')]: 'app,web' },
    /containers: names one that is not there; there are: app$/,
  ],
  [{ ...MINIMUM, [note('containers')]: '' }, /containers: names one that is not there/],
];

const mount = (mountPath: string): Fields => ({ name: 'x', mountPath });

/** What stands in the way in a pod. */
const CLASHES: readonly (readonly [Fields, RegExp])[] = [
  [{ os: { name: 'windows' } }, /^the image is for Linux/],
  [{ containers: [{ name: 'vaultonce', image: 'x' }] }, /^a container is called vaultonce/],
  [{ initContainers: [{ name: 'vaultonce', image: 'x' }] }, /^a container is called vaultonce/],
  [
    { volumes: [{ name: 'vaultonce-secrets', emptyDir: {} }] },
    /^a volume has the name .*: rename vaultonce-secrets$/,
  ],
  [
    { containers: [{ name: 'app', image: 'x', volumeMounts: [mount('/vault/secrets')] }] },
    /^something else is mounted where the outputs are to be: .*; it is in: app$/,
  ],
];

const EVALUATORS = [
  { name: 'a CEL of JavaScript', needs: {}, admitAll: (reviews: readonly Review[]) => reviews.map(admit) },
  { name: 'the code of the API server', needs: needsAdmissionCode(), admitAll: admitByServerCode },
];

test('the policies in examples/ are what the generator makes: npm run injection', () => {
  for (const [name, text] of Object.entries(INJECTION_FILES)) assert.equal(textOf(name), text, name);
});

test('Kyverno gets the same expressions, and finds the parameters itself', () => {
  const kyverno = objectsOf('kyverno.yaml') as unknown as typeof MUTATING;
  assert.equal(kyverno.length, 2);
  for (const [index, { metadata, spec }] of kyverno.entries()) {
    const native = MUTATING[index]!;
    assert.equal(metadata.name, native.metadata.name);
    for (const part of ['matchConditions', 'mutations'] as const)
      assert.deepEqual(spec[part], native.spec[part], part);
    const withoutSettings = (all: typeof spec.variables): typeof spec.variables =>
      all.filter(({ name }) => name !== 'settings');
    assert.deepEqual(withoutSettings(spec.variables), withoutSettings(native.spec.variables));
  }
  const settings = kyverno[0]?.spec.variables.find(({ name }) => name === 'settings');
  assert.equal(settings?.expression, "resource.Get('v1', 'configmaps', 'vault', 'vaultonce-inject').data");
});

for (const { name, needs, admitAll } of EVALUATORS) {
  describe(`injection, by ${name}`, needs, () => {
    const one = (asked: Review): Admission => {
      const [admission] = admitAll([asked]);
      assert.ok(admission);
      assert.equal(admission.error, undefined);
      return admission;
    };
    const injected = (asked: Review): Pod => {
      const { object, denied } = one(asked);
      assert.deepEqual(denied, []);
      return object as unknown as Pod;
    };
    const refuses = (asked: readonly (readonly [Review, RegExp])[]): void => {
      for (const [index, { denied, error }] of admitAll(asked.map(([each]) => each)).entries()) {
        const [, message = /^$/] = asked[index] ?? [];
        assert.equal(error, undefined);
        assert.ok(
          denied.some((text) => message.test(text)),
          `${String(message)}: ${denied.join('\n')}`,
        );
        assert.ok(denied.every((text) => text !== '' && !text.includes('\n')));
      }
    };

    test('each mistake in annotations has a message', () => {
      refuses(
        MISTAKES.map(([annotations, message]) => [review(workload('Deployment', { annotations })), message]),
      );
    });

    test('a mistake is told alone', () => {
      const asked = MISTAKES.map(([annotations]) => review(workload('Deployment', { annotations })));
      const many = admitAll(asked).filter(({ denied }) => denied.length > 1);
      // A directory that is no path is no place either.
      assert.ok(many.length <= 1, JSON.stringify(many.map(({ denied }) => denied)));
    });

    test('each clash with what the pod has is told', () => {
      refuses(CLASHES.map(([spec, message]) => [review(workload('Deployment', { spec })), message]));
    });

    test('containers that get no outputs may have anything there', () => {
      const containers = [
        { name: 'app', image: 'x' },
        { name: 'other', image: 'x', volumeMounts: [mount('/vault/secrets')] },
      ];
      const annotations = { ...MINIMUM, [note('containers')]: 'app' };
      injected(review(pod({ annotations, spec: { containers } })));
    });

    test('in each kind of workload', () => {
      const annotations = { ...MINIMUM, [note('mode')]: '9' };
      refuses(KINDS.map((kind) => [review(workload(kind, { annotations })), /mode: not an octal mode/]));
      for (const { denied, error } of admitAll(KINDS.map((kind) => review(workload(kind))))) {
        assert.equal(error, undefined);
        assert.deepEqual(denied, []);
      }
    });

    test('label and annotations in the wrong place would do nothing', () => {
      const label = { labels: { [note('inject')]: 'true' } };
      const none = { labels: {}, annotations: {} };
      const place =
        /^label vaultonce\.dev\/inject and annotations of vaultonce\.dev belong to the pod template, in spec\.template\.metadata$/;
      refuses([
        [review(workload('Deployment', none, label)), place],
        [review(workload('Deployment', none, { annotations: MINIMUM })), place],
        [review(workload('CronJob', none, label)), /in spec\.jobTemplate\.spec\.template\.metadata$/],
        [
          review(workload('Deployment', { labels: {} })),
          /^annotations of .* without the label .* \(spec\.template\.metadata\.labels\)$/,
        ],
        [review(pod({ labels: {} })), /^annotations of .* without the label .* \(metadata\.labels\)$/],
        [
          review(workload('Deployment', { labels: { [note('inject')]: 'yes' } })),
          /neither "true" nor "false"$/,
        ],
      ]);
      const both = { ...label, annotations: MINIMUM };
      assert.deepEqual(
        one(review(workload('Deployment', {}, both))).denied,
        [],
        'as well as in the template',
      );
    });

    test('in a namespace that is not enabled, a label would do nothing', () => {
      const namespace = { ...ENABLED, metadata: { name: 'shop' } };
      const message =
        /^nothing is injected in this namespace: .*kubectl label namespace shop vaultonce\.dev\/inject=enabled$/;
      refuses([[review(workload('Deployment'), { namespace }), message]]);
    });

    test('whoever asks for nothing is left alone', () => {
      const namespace = { ...ENABLED, metadata: { name: 'shop' } };
      for (const object of [
        pod({ labels: {}, annotations: {} }),
        pod({ labels: {}, annotations: { [note('config-hash')]: 'x' } }),
        pod({ labels: { [note('inject')]: 'false' } }),
      ]) {
        const { spec } = injected(review(object, { namespace }));
        assert.deepEqual([spec.initContainers, spec.volumes], [undefined, undefined]);
      }
    });

    test('what was there before the policy goes on changing, but for its template', () => {
      const annotations = { [note('mode')]: '9' };
      const old = workload('Deployment', { annotations });
      const update = { operation: 'UPDATE', old } as const;
      const scaled = { ...old, spec: { ...(old['spec'] as Fields), replicas: 3 } };
      assert.deepEqual(one(review(scaled, update)).denied, []);
      const changed = workload('Deployment', { annotations, spec: { hostname: 'x' } });
      assert.notDeepEqual(one(review(changed, update)).denied, []);
    });

    test('a pod that nothing was injected into does not start', () => {
      refuses([[review(pod(), { mutating: [] }), /^nothing has injected the outputs: are the policies/]]);
      refuses([[review(pod(), { mutating: MUTATING.slice(0, 1) }), /^nothing has injected the outputs/]]);
    });

    test('the container comes first, and its outputs are in all others', () => {
      const spec = {
        initContainers: [{ name: 'migrate', image: 'x' }],
        containers: [
          { name: 'app', image: 'x', volumeMounts: [mount('/data')] },
          { name: 'sidecar', image: 'x' },
        ],
        volumes: [{ name: 'x', emptyDir: {} }],
      };
      const made = injected(review(pod({ spec })));
      assert.deepEqual(
        made.spec.initContainers.map((each) => each.name),
        ['vaultonce', 'migrate'],
      );
      const outputs = { name: 'vaultonce-secrets', mountPath: '/vault/secrets', readOnly: true };
      for (const container of [...made.spec.containers, made.spec.initContainers[1]!])
        assert.deepEqual(container.volumeMounts?.at(-1), outputs, container.name);
      assert.deepEqual(
        made.spec.volumes.map((volume) => volume.name),
        ['x', 'vaultonce-secrets', 'vaultonce-inputs'],
      );
    });

    test('each annotation', () => {
      const annotations = {
        [note('config-map')]: 'web-config',
        [note('role')]: 'web',
        [note('auth-mount')]: 'kubernetes/prod',
        [note('address')]: 'https://other:8200',
        [note('namespace')]: 'team-a/web',
        [note('directory')]: '/run/secrets/web',
        [note('mode')]: '0440',
        [note('containers')]: 'app, migrate',
        [note('cpu')]: '100m',
        [note('cpu-limit')]: '1',
        [note('memory')]: '96Mi',
        [note('memory-limit')]: '256Mi',
        [note('size')]: '1Mi',
        'out.vaultonce.dev/db.key': 'secret/web/db#/a/b',
      };
      const spec = {
        initContainers: [{ name: 'migrate', image: 'x' }],
        containers: [
          { name: 'app', image: 'x' },
          { name: 'sidecar', image: 'x' },
        ],
      };
      const parameters = parametersWith({ VAULT_ADDR: '' });
      const data = { ...(parameters['data'] as Fields) };
      delete (data as Record<string, unknown>)['VAULT_ADDR'];
      const made = injected(review(pod({ annotations, spec }), { parameters: { ...parameters, data } }));
      const init = initContainer(made);
      assert.deepEqual(init.args, [
        'render',
        ...['--set', 'output.directory=/run/secrets/web'],
        ...['--set', 'output.mode=0440'],
        ...['-c', '/etc/vaultonce/vaultonce.yaml'],
        '--role=web',
        ...['--set', 'auth.method=kubernetes'],
        ...['--set', 'auth.token_file=/var/run/secrets/vaultonce/token'],
        '--auth-mount=kubernetes/prod',
        '--out=db.key=secret/web/db#/a/b',
      ]);
      const environment = Object.fromEntries((init.env ?? []).map((each) => [each.name, each.value]));
      assert.equal(environment['VAULT_ADDR'], 'https://other:8200');
      assert.equal(environment['VAULT_NAMESPACE'], 'team-a/web');
      assert.deepEqual(init.resources, {
        requests: { cpu: '100m', memory: '96Mi' },
        limits: { cpu: '1', memory: '256Mi' },
      });
      const volume = (wanted: string): unknown => made.spec.volumes.find((each) => each.name === wanted);
      assert.deepEqual(volume('vaultonce-secrets'), {
        name: 'vaultonce-secrets',
        emptyDir: { medium: 'Memory', sizeLimit: '1Mi' },
      });
      assert.deepEqual(volume('vaultonce-config'), {
        name: 'vaultonce-config',
        configMap: { name: 'web-config' },
      });
      const paths = (container: Container): string[] =>
        (container.volumeMounts ?? []).map((each) => each.mountPath);
      assert.deepEqual(made.spec.containers.map(paths), [['/run/secrets/web'], []]);
      assert.deepEqual(paths(made.spec.initContainers[1]!), ['/run/secrets/web']);
    });

    test('the parameters have the last word on address and namespace', () => {
      const annotations = { ...MINIMUM, [note('address')]: 'https://other:8200' };
      refuses([
        [review(pod({ annotations })), /address: the parameters of this cluster's injection set VAULT_ADDR/],
      ]);
      const parameters = parametersWith({ BAO_NAMESPACE: 'a' });
      const other = pod({ annotations: { ...MINIMUM, [note('namespace')]: 'b' } });
      refuses([
        [
          review(other, { parameters }),
          /namespace: the parameters of this cluster's injection set VAULT_NAMESPACE/,
        ],
      ]);
      const same = { ...MINIMUM, [note('address')]: 'https://vault.vault.svc.cluster.local:8200' };
      injected(review(pod({ annotations: same })));
    });

    test('who reads the files decides on their mode', () => {
      const user = (runAsUser: number): Fields => ({ securityContext: { runAsUser } });
      const app = { name: 'app', image: 'x' };
      const two = (one: Fields, other: Fields): Fields => ({
        containers: [
          { ...app, ...one },
          { name: 'other', image: 'x', ...other },
        ],
      });
      const cases: readonly (readonly [Fields, string, number | undefined])[] = [
        [{}, '0444', undefined],
        [{ securityContext: { fsGroup: 5 } }, '0440', undefined],
        [{ securityContext: { fsGroup: 5, runAsUser: 7 } }, '0400', 7],
        [two(user(7), user(7)), '0400', 7],
        [two(user(7), user(8)), '0444', undefined],
        [two(user(7), {}), '0444', undefined],
        [{ ...two(user(7), {}), securityContext: { runAsUser: 7 } }, '0400', 7],
        [{ securityContext: { runAsUser: 0 } }, '0400', 0],
      ];
      for (const [spec, mode, runAsUser] of cases) {
        const made = injected(review(pod({ spec })));
        const defaults = `output:\n  mode: "${mode}"\nstartup_jitter: 10s\ntimeout: 120s\n`;
        assert.equal(made.metadata.annotations['vaultonce.dev/defaults'], defaults);
        assert.equal(initContainer(made).securityContext?.runAsUser, runAsUser);
        assert.equal(initContainer(made).securityContext?.runAsNonRoot, runAsUser !== 0);
      }
    });

    test('defaults of the platform come with the pod', () => {
      const defaultsFor = (text: string, more: Readonly<Record<string, string>> = {}): string | undefined => {
        const parameters = parametersWith({ 'defaults.yaml': text });
        const made = injected(review(pod({ annotations: { ...MINIMUM, ...more } }), { parameters }));
        const named = (initContainer(made).env ?? []).some((each) => each.name === 'VAULTONCE_DEFAULTS');
        assert.equal(named, made.metadata.annotations['vaultonce.dev/defaults'] !== undefined);
        return made.metadata.annotations['vaultonce.dev/defaults'];
      };
      assert.equal(defaultsFor('timeout: 1s\n'), 'output:\n  mode: "0444"\ntimeout: 1s\n');
      assert.equal(
        defaultsFor('timeout: 1s\noutput: { mode: "0440" }\n'),
        'timeout: 1s\noutput: { mode: "0440" }\n',
      );
      assert.equal(defaultsFor('{ "timeout": "1s" }'), '{ "timeout": "1s" }');
      assert.equal(defaultsFor('timeout: 1s\n', { [note('mode')]: '0440' }), 'timeout: 1s\n');
      assert.equal(defaultsFor('', { [note('mode')]: '0440' }), undefined);
    });

    test('twice is as once, and in either order', () => {
      const asked = [
        pod(),
        pod({ spec: { initContainers: [{ name: 'first', image: 'x' }], securityContext: { runAsUser: 7 } } }),
        pod({ annotations: { ...MINIMUM, [note('containers')]: 'app' } }),
      ];
      for (const object of asked) {
        const once = injected(review(object));
        const reversed = injected(review(object, { mutating: MUTATING.toReversed() }));
        const again = injected(review(once as unknown as Fields));
        assert.deepEqual(again, once);
        const sorted = ({ spec, ...rest }: Pod): unknown => ({
          ...rest,
          spec: { ...spec, initContainers: spec.initContainers.map((each) => JSON.stringify(each)).sort() },
        });
        assert.deepEqual(sorted(reversed), sorted(once));
        assert.equal(reversed.spec.initContainers[0]?.name, 'vaultonce');
      }
    });

    test('a container of the same name without the volume is by hand: it is not touched, and not let in', () => {
      const spec = { initContainers: [{ name: 'vaultonce', image: 'mine' }] };
      const { object, denied } = one(review(pod({ spec })));
      assert.equal((object as unknown as Pod).spec.volumes, undefined);
      assert.match(denied[0] ?? '', /^a container is called vaultonce/);
    });

    test('the largest pods are within what an API server spends on them', () => {
      const outs = Array.from({ length: 300 }, (_, at): [string, string] => [
        `out.vaultonce.dev/f${String(at)}`,
        `secret/${'a'.repeat(500)}#k`,
      ]);
      const volumeMounts = Array.from({ length: 20 }, (_, at) => mount(`/m${String(at)}`));
      const containers = Array.from({ length: 100 }, (_, at) => ({
        name: `c${String(at)}`,
        image: 'x',
        volumeMounts,
      }));
      injected(review(pod({ annotations: { [note('config')]: '#'.repeat(240_000) } })));
      injected(
        review(pod({ annotations: { ...MINIMUM, ...Object.fromEntries(outs) }, spec: { containers } })),
      );
    });

    test('what the kubelet makes of a text is the text', () => {
      const text = fc.string({
        unit: fc.constantFrom('$', '(', ')', 'A', 'VAULT_ADDR', '\r\n', '\n', '{', '#', "'", '\\', '%'),
      });
      fc.assert(
        fc.property(fc.array(text, { minLength: 1, maxLength: 40 }), (texts) => {
          const asked = texts.map((each) =>
            review(
              pod({
                annotations: {
                  [note('config')]: `x${each}`,
                  [note('role')]: 'web',
                  'out.vaultonce.dev/a': `p#k${each}`,
                },
              }),
              { parameters: parametersWith({ VAULT_CACERT_BYTES: each }) },
            ),
          );
          for (const [index, { object, error }] of admitAll(asked).entries()) {
            assert.equal(error, undefined);
            const each = texts[index] ?? '';
            const made = expanded(object as unknown as Pod);
            assert.equal(made.files['/var/run/secrets/vaultonce/vaultonce.yaml'], `x${each}`);
            assert.ok(made.args.includes(`--out=a=p#k${each}`));
            assert.equal(made.env['VAULT_CACERT_BYTES'], each);
          }
        }),
        { numRuns: 5, examples: [[['$$', '$(VAULT_ADDR)', '$', '\r\n$$(A)']]] },
      );
    });
  });
}

test('both make the same pods', needsAdmissionCode(), () => {
  const asked = [pod(), ...MISTAKES.slice(0, 8).map(([annotations]) => pod({ annotations }))].map((each) =>
    review(each),
  );
  const here = asked.map(admit);
  for (const [index, { object, denied }] of admitByServerCode(asked).entries()) {
    assert.deepEqual(denied, here[index]?.denied);
    const { spec } = object as unknown as Pod;
    assert.deepEqual(spec.initContainers, (here[index]?.object as unknown as Pod).spec.initContainers);
    assert.deepEqual(spec.volumes, (here[index]?.object as unknown as Pod).spec.volumes);
  }
});
