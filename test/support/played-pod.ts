import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMAND } from './cli.ts';
import { podOf, type Container, type Fields, type KubernetesObject, type PodSpec } from './kubernetes.ts';
import { needsOtherUser } from './needs.ts';
import { until } from './patience.ts';
import { serviceAccountToken } from './token-reviews.ts';
import type { Workspace } from './workspace.ts';

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: number };
  readonly exec?: { readonly command: readonly string[] };
}

/** As far as manifests of sidecars go. */
interface PlayedContainer extends Container {
  readonly command?: readonly string[];
  readonly startupProbe?: Probe;
}

type PlayedSpec = PodSpec & {
  readonly shareProcessNamespace?: boolean;
  readonly initContainers?: readonly PlayedContainer[];
  readonly containers?: readonly PlayedContainer[];
};

export interface Machine {
  readonly workspace: Workspace;
  /** What starts the containers of an image, by its name without the tag, where that is not this program. */
  readonly images: Readonly<Record<string, readonly string[]>>;
  /** What stands in configs for something of this machine: addresses, ports with a colon in front. */
  readonly here: Readonly<Record<string, string>>;
  /** The CA that the ConfigMap `vault-ca` of the cluster has. */
  readonly ca: string;
}

export interface RunningContainer {
  readonly name: string;
  /** Its exit status, or 128 + its signal. */
  readonly done: Promise<number>;
  readonly isRunning: boolean;
  /** What it has printed. */
  readonly log: string;
  /** Its number on this machine. */
  readonly pid: number;
}

/** A pod, with processes in the place of containers. */
export interface PlayedPod {
  /** The containers that run or have run, in the order of their starts. */
  readonly started: readonly RunningContainer[];
  container(name: string): RunningContainer;
  /** Where the containers have a file. */
  path(volume: string, name: string): string;
  /** Starts the init containers, each sidecar once the one before is ready, and then the others. */
  start(): Promise<void>;
  /** The application first, then the sidecars, the last one first. @returns the exit codes by name */
  delete(): Promise<Readonly<Record<string, number>>>;
  /** Waits for the containers of a Job, and ends the sidecars then. @returns what the Job is */
  complete(): Promise<'Complete' | 'Failed'>;
  /** Ends everything that is still there. */
  kill(): void;
}

/** @param objects of a manifest: ConfigMaps, and something that makes a pod */
export function playPod(objects: readonly KubernetesObject[], machine: Machine): PlayedPod {
  return new Played(objects, machine);
}

const OWN_PROGRAM = '/usr/local/bin/vaultonce';
const IMAGE = 'vaultonce';

class Played implements PlayedPod {
  readonly started: Running[] = [];
  readonly #machine: Machine;
  readonly #objects: readonly KubernetesObject[];
  readonly #spec: PlayedSpec;
  #pause: ChildProcess | undefined;
  /** What starts a program with the rights and in the namespaces of the pod. */
  #within: readonly string[] = [];

  constructor(objects: readonly KubernetesObject[], machine: Machine) {
    const spec = objects.map(podOf).find((one) => one !== undefined);
    if (spec === undefined) throw new Error('there is no pod');
    this.#spec = spec;
    this.#objects = objects;
    this.#machine = machine;
  }

  container(name: string): Running {
    const found = this.started.find((one) => one.name === name);
    if (found === undefined) throw new Error(`${name} was not started`);
    return found;
  }

  path(volume: string, name: string): string {
    return this.#machine.workspace.path('volumes', volume, name);
  }

  async start(): Promise<void> {
    const { initContainers = [], containers = [], shareProcessNamespace } = this.#spec;
    this.#makeVolumes();
    if (shareProcessNamespace === true) await this.#makeNamespace();
    for (const container of initContainers) {
      const running = this.#startContainer(container);
      if (container.restartPolicy !== 'Always') {
        if ((await running.done) !== 0) throw new Error(`${container.name} failed: ${running.log}`);
        continue;
      }
      const { startupProbe } = container;
      await until(`${container.name} is ready`, async () => {
        if (!running.isRunning) throw new Error(`${container.name} has ended: ${running.log}`);
        return startupProbe === undefined || (await this.#succeeds(startupProbe, container));
      });
    }
    for (const container of containers) this.#startContainer(container);
  }

  async delete(): Promise<Readonly<Record<string, number>>> {
    for (const one of this.#main) one.signal('SIGTERM');
    await Promise.all(this.#main.map((one) => one.done));
    await this.#endSidecars();
    const codes = this.started.map(async ({ name, done }) => [name, await done] as const);
    return Object.fromEntries(await Promise.all(codes));
  }

  async complete(): Promise<'Complete' | 'Failed'> {
    const codes = await Promise.all(this.#main.map((one) => one.done));
    await this.#endSidecars();
    return codes.every((code) => code === 0) ? 'Complete' : 'Failed';
  }

  kill(): void {
    for (const one of this.started) one.signal('SIGKILL');
    this.#pause?.kill('SIGKILL');
  }

  get #main(): readonly Running[] {
    const names = (this.#spec.containers ?? []).map(({ name }) => name);
    return this.started.filter(({ name }) => names.includes(name));
  }

  async #endSidecars(): Promise<void> {
    for (const one of this.started.filter((each) => !this.#main.includes(each)).reverse()) {
      one.signal('SIGTERM');
      await one.done;
    }
  }

  get #programs(): string {
    return `${this.#machine.workspace.path('bin')}:${process.env['PATH'] ?? ''}`;
  }

  /** As the kubelet makes them: for the group of the pod. */
  #makeVolumes(): void {
    chmodSync(this.#machine.workspace.root, 0o711);
    for (const volume of this.#spec.volumes ?? []) {
      mkdirSync(this.path(volume.name, ''), { recursive: true });
      for (const [name, text] of Object.entries(this.#filesOf(volume)))
        this.#machine.workspace.write(join('volumes', volume.name, name), text, 0o640);
      this.#giveAway(this.path(volume.name, ''));
    }
  }

  #filesOf(volume: Fields): Readonly<Record<string, string>> {
    const { configMap, projected } = volume as {
      configMap?: { name: string };
      projected?: { sources: readonly { serviceAccountToken: { path: string; audience: string } }[] };
    };
    const tokens = (projected?.sources ?? []).map(({ serviceAccountToken: { path, audience } }) => [
      path,
      serviceAccountToken(this.#spec.serviceAccountName ?? '', audience),
    ]);
    if (configMap?.name === 'vault-ca') return { 'ca.crt': this.#machine.ca };
    const map = this.#objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata?.name === configMap?.name,
    );
    const { initContainers: [own] = [], containers = [] } = this.#spec;
    // Every container has its own places for the same files.
    const readers = [...(own === undefined ? [] : [own]), ...containers];
    const texts = Object.entries((map?.['data'] ?? {}) as Record<string, string>).map(([name, text]) => [
      name,
      readers.reduce((placed, one) => this.#placed(placed, one), text),
    ]);
    return Object.fromEntries([...tokens, ...texts]) as Record<string, string>;
  }

  #giveAway(directory: string): void {
    const { fsGroup } = this.#spec.securityContext ?? {};
    if (fsGroup === undefined || needsOtherUser().skip !== false) return;
    for (const name of readdirSync(directory)) chownSync(join(directory, name), 0, fsGroup);
    chownSync(directory, 0, fsGroup);
    chmodSync(directory, 0o2777);
  }

  async #makeNamespace(): Promise<void> {
    const namespaces = ['--pid', '--fork', '--kill-child', '--mount-proc'];
    this.#pause = spawn('unshare', [...namespaces, 'sleep', 'infinity'], { stdio: 'ignore' });
    const outer = this.#pause.pid ?? 0;
    await until('a namespace', () => childOf(outer) !== undefined);
    this.#within = ['nsenter', '-t', String(childOf(outer)), '-p', '-m', '--'];
  }

  #asUser(): readonly string[] {
    const { runAsUser, runAsGroup, fsGroup } = this.#spec.securityContext ?? {};
    if (runAsUser === undefined || needsOtherUser().skip !== false) return [];
    const ids = [
      `--reuid=${String(runAsUser)}`,
      `--regid=${String(runAsGroup)}`,
      `--groups=${String(fsGroup)}`,
    ];
    return ['setpriv', ...ids, '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
  }

  #placed(text: string, { volumeMounts = [] }: Container): string {
    const mounts = volumeMounts.map(({ name, mountPath }) => [
      mountPath,
      this.path(name, '').replace(/\/$/, ''),
    ]);
    const places = { ...this.#machine.here, ...(Object.fromEntries(mounts) as Record<string, string>) };
    const longestFirst = Object.keys(places).sort((a, b) => b.length - a.length);
    // A path only where it begins: not within one that was put there already.
    const alternatives = longestFirst.map(
      (one) => `${one.startsWith('/') ? '(?<![\\w.-])' : ''}${escaped(one)}`,
    );
    const pattern = new RegExp(`(?:${alternatives.join('|')})(?![\\w-])`, 'g');
    return text.replaceAll(pattern, (place) => places[place] ?? place);
  }

  #commandOf(container: PlayedContainer): readonly string[] {
    const image = container.image?.split(':')[0] ?? '';
    const program = image === IMAGE ? COMMAND : (this.#machine.images[image] ?? []);
    const words = [...(container.command ?? []), ...(container.args ?? [])];
    return [...program, ...words.map((word) => this.#placed(word, container))];
  }

  #startContainer(container: PlayedContainer): Running {
    const [program = '', ...args] = [...this.#within, ...this.#asUser(), ...this.#commandOf(container)];
    const env = Object.fromEntries((container.env ?? []).map(({ name, value = '' }) => [name, value]));
    const child = spawn(program, args, {
      cwd: '/',
      env: { PATH: this.#programs, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = new Running(container.name, child, this.#within.length > 0);
    this.started.push(running);
    return running;
  }

  async #succeeds({ httpGet, exec }: Probe, container: PlayedContainer): Promise<boolean> {
    if (httpGet !== undefined) {
      const port = this.#machine.here[`:${String(httpGet.port)}`] ?? `:${String(httpGet.port)}`;
      const answer = await fetch(`http://127.0.0.1${port}${httpGet.path}`).catch(() => undefined);
      return answer?.ok === true;
    }
    const [program = '', ...words] = exec?.command ?? [];
    const command = [...(program === OWN_PROGRAM ? COMMAND : [program]), ...words];
    const [first = '', ...args] = [...this.#within, ...this.#asUser(), ...command];
    const child = spawn(
      first,
      args.map((word) => this.#placed(word, container)),
      {
        cwd: '/',
        env: { PATH: this.#programs },
        stdio: 'ignore',
      },
    );
    return (await statusOf(child)) === 0;
  }
}

class Running implements RunningContainer {
  log = '';
  isRunning = true;
  readonly name: string;
  readonly done: Promise<number>;
  readonly #child: ChildProcess;
  readonly #isBelow: boolean;

  /** @param isBelow the process is a child of this one, which only enters namespaces */
  constructor(name: string, child: ChildProcess, isBelow: boolean) {
    this.name = name;
    this.#child = child;
    this.#isBelow = isBelow;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => (this.log += String(chunk)));
    this.done = statusOf(child).finally(() => (this.isRunning = false));
  }

  get pid(): number {
    const { pid = 0 } = this.#child;
    return this.#isBelow ? (childOf(pid) ?? 0) : pid;
  }

  signal(signal: NodeJS.Signals): void {
    const { pid } = this;
    if (this.isRunning && pid !== 0) process.kill(pid, signal);
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function childOf(pid: number): number | undefined {
  const file = `/proc/${String(pid)}/task/${String(pid)}/children`;
  if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
  const [child = ''] = readFileSync(file, 'utf8').split(' ');
  return child === '' ? undefined : Number(child);
}

const OF_SIGNAL: Readonly<Record<string, number>> = { SIGKILL: 137, SIGTERM: 143, SIGHUP: 129, SIGINT: 130 };

function statusOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve(code ?? OF_SIGNAL[signal ?? ''] ?? 128);
    });
  });
}
