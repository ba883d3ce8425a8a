import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildGoProgram, goProgram, type GoSource } from './go-program.ts';
import { needsMountNamespace, type Needs } from './needs.ts';
import { tellingLine } from './setup-fault.ts';

/** The Secrets Store CSI driver as a client of providers: `test/csi/driver` is its own code behind commands. */

export const DRIVER: GoSource = { name: 'csi-driver', source: join(import.meta.dirname, '../csi/driver') };
const ENDS_WITHIN_MS = 5_000;
/** Spares the files of a run to find out again. */
const HANDED_ON = 'VAULTONCE_CSI_DRIVER';

/** Where a driver looks for `<provider>.sock`: in the first of the directories that has one. */
export interface ProviderPlace {
  readonly sockets: readonly string[];
  readonly provider: string;
}

/** How a call ended for who made it. */
export interface Ending {
  readonly ok: boolean;
  /** As gRPC names it, such as `Unknown`. */
  readonly code: string;
  readonly message: string;
  readonly durationMs: number;
}

/** A call of the driver to the provider. */
export interface ProviderCall {
  readonly method: string;
  /** JSON, as it was sent. */
  readonly attributes: string;
  readonly secrets: string;
  readonly targetPath: string;
  readonly permission: string;
  /** How many. */
  readonly currentObjectVersions: number;
  readonly code: string;
  readonly message: string;
  /** Of the answer. */
  readonly bytes: number;
  readonly ms: number;
}

export interface VolumeFile {
  readonly path: string;
  /** Four octal digits. */
  readonly mode: string;
  readonly uid: number;
  readonly content: Buffer;
}

/** What a pod sees. */
export interface SeenVolume {
  readonly files: readonly VolumeFile[];
  /** The directory that the driver shows at present: another one whenever it has written. */
  readonly generation: string;
  /** When the driver last wrote, as it sees that. */
  readonly modifiedMs: number;
}

export interface MountRequest extends ProviderPlace {
  readonly attributes: Readonly<Record<string, string>>;
  /** Undefined: `null`, as without a nodePublishSecretRef. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly targetPath: string;
  /** Decimal; 420 (0644) is what the driver sends. */
  readonly permission?: number;
  readonly deadlineMs?: number;
}

export interface MountResult extends Ending, SeenVolume {
  /** What the driver counts a failure as. */
  readonly errorCode: string;
  readonly objectVersions: Readonly<Record<string, string>> | null;
  readonly calls: readonly ProviderCall[];
}

/** Flags of a driver: each combination is another one, with the same connections to providers. */
export interface DriverSettings {
  readonly sockets: string;
  /** Whether a republish asks the provider again. */
  readonly rotation: boolean;
  /** How long after it has written it does not. */
  readonly rotationPollIntervalMs: number;
}

export interface ProviderClass {
  readonly name: string;
  readonly namespace: string;
  readonly provider: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface PublishRequest {
  readonly driver: DriverSettings;
  readonly class: ProviderClass;
  readonly volumeId: string;
  readonly targetPath: string;
  readonly volumeContext: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

export interface PublishResult extends Ending, SeenVolume {
  /** None where the driver left the provider alone. A republish succeeds although its call has failed. */
  readonly calls: readonly ProviderCall[];
  /** Of the SecretProviderClassPodStatus. */
  readonly objects: readonly { readonly id: string; readonly version: string }[];
}

/** What the driver's provider for its own tests answers. */
export interface FakeAnswer {
  readonly socket: string;
  readonly objects?: Readonly<Record<string, string>>;
  readonly files?: readonly { readonly path: string; readonly mode: number; readonly content: Buffer }[];
  readonly errorCode?: string;
  /** Fails with it. */
  readonly message?: string;
}

export interface CsiDriver {
  version(
    request: ProviderPlace & { readonly deadlineMs?: number },
  ): Promise<Ending & { readonly runtimeVersion: string }>;
  /** Asks for the content of a volume and writes it, without a file system of its own. */
  mount(request: MountRequest): Promise<MountResult>;
  /** What kubelet does when a pod starts, and about every minute from then on. Needs `needsPublishing`. */
  publish(request: PublishRequest): Promise<PublishResult>;
  unpublish(request: Pick<PublishRequest, 'driver' | 'volumeId' | 'targetPath'>): Promise<Ending>;
  serveFake(answer: FakeAnswer): Promise<void>;
  /** What it has logged. */
  log(): string;
  stop(): Promise<void>;
}

/** By path, as text. */
export function textsOf({ files }: SeenVolume): Record<string, string> {
  return Object.fromEntries(files.map(({ path, content }) => [path, content.toString()]));
}

export function modesOf({ files }: SeenVolume): Record<string, string> {
  return Object.fromEntries(files.map(({ path, mode }) => [path, mode]));
}

/** For what drives a provider: Go builds the driver, and its modules are downloaded once. @param say tells what takes long */
export async function needsDriver(say: (line: string) => void = () => undefined): Promise<Needs> {
  const known = process.env[HANDED_ON] ?? '';
  const skip =
    known === '' ? ((await buildGoProgram(DRIVER, say)) ?? false) : (JSON.parse(known) as Needs['skip']);
  process.env[HANDED_ON] = JSON.stringify(skip);
  return { skip };
}

/** For what publishes volumes, which mounts a tmpfs for each. */
export async function needsPublishing(): Promise<Needs> {
  const needs = await needsDriver();
  return needs.skip === false ? needsMountNamespace() : needs;
}

/**
 * Starts it; where that is allowed in a mount namespace of its own, which ends with it, so that no mount is left.
 * @param temporary a directory for its sockets
 */
export function startDriver(temporary: string): CsiDriver {
  const program = goProgram(DRIVER);
  const unshared = needsMountNamespace().skip === false;
  const [command = '', ...args] = unshared ? ['unshare', '-m', program] : [program];
  const child = spawn(command, args, { env: { PATH: process.env['PATH'], TMPDIR: temporary } });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ask = askingOf(child, () => log);
  const withContents = <T extends SeenVolume>(seen: T): T => ({
    ...seen,
    files: seen.files.map((file) => ({ ...file, content: Buffer.from(String(file.content), 'base64') })),
  });
  return {
    version: (request) => ask('version', request) as ReturnType<CsiDriver['version']>,
    mount: async (request) =>
      withContents((await ask('mount', { permission: 420, ...request })) as MountResult),
    publish: async (request) => withContents((await ask('publish', request)) as PublishResult),
    unpublish: (request) => ask('unpublish', request) as Promise<Ending>,
    serveFake: async ({ files = [], ...answer }) => {
      const encoded = files.map((file) => ({ ...file, content: file.content.toString('base64') }));
      await ask('fake', { ...answer, files: encoded });
    },
    log: () => log,
    async stop() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

interface Answer {
  readonly id: number;
  readonly fault?: string;
  readonly result?: unknown;
}

function askingOf(
  child: ChildProcessWithoutNullStreams,
  log: () => string,
): (command: string, request: object) => Promise<unknown> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { id, fault, result } = JSON.parse(line) as Answer;
    if (fault === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(fault));
    waiting.delete(id);
  });
  child.stdin.on('error', () => undefined);
  const give = (why: string): void => {
    for (const one of waiting.values()) one.reject(new Error(`${why}: ${tellingLine(log())}`));
    waiting.clear();
  };
  let ended: string | undefined;
  child.once('error', ({ message }) => {
    give((ended = `the driver cannot be started (${message})`));
  });
  child.once('close', (code, signal) => {
    give((ended = `the driver ended with ${signal ?? String(code)}`));
  });
  return (command, request) => {
    const one = Promise.withResolvers<unknown>();
    waiting.set((last += 1), one);
    if (ended === undefined) child.stdin.write(`${JSON.stringify({ id: last, command, with: request })}\n`);
    else give(ended);
    return one.promise;
  };
}
