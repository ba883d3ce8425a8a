import { RunError } from '../base/errors.ts';
import type { SourceText } from '../config/source.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import { prepareAccess } from '../run/access.ts';
import { createAlarm, type Alarm } from '../watch/alarm.ts';
import type { LifeClock } from '../watch/life-clock.ts';
import { createTokenKeeper, type TokenKeeper } from '../watch/token-keeper.ts';
import type { Cluster } from './cluster.ts';
import type { Contents } from './contents.ts';
import type { MountAnswer, MountRequest, VolumeCounts, Volumes } from './mount.ts';
import { nativeClass } from './native-class.ts';
import { answerOf, keyOf, markOf, nameOf, type Place } from './place.ts';
import { podToken } from './pod-token.ts';
import type { SharedWires } from './shared-wires.ts';
import type { VersionKey } from './version-key.ts';
import { vaultClass } from './vault-class.ts';
import { Volume } from './volume.ts';

/** Of what is done for one volume without being asked. */
const TEND_LIMIT_MS = 60_000;

/** Of `keepS`: a driver that asks for one volume for longer asks at intervals, and does not just repeat a mount that failed there. */
const REPEATING_PART = 1 / 4;

/** Tokens given back at the same time, at the end. */
const ENDED_AT_ONCE = 32;

export interface VolumesParts {
  /** Below every class. */
  readonly defaults: SourceText;
  /** Undefined: this is no pod. */
  readonly cluster: Cluster | undefined;
  readonly versionKey: VersionKey;
  readonly wires: SharedWires;
  readonly clock: LifeClock;
  /** A volume that nobody has asked for this long belongs to a pod that is gone, in seconds. */
  readonly keepS: number;
  /** That of the process. */
  readonly scope: Scope;
}

export function createVolumes(parts: VolumesParts): Volumes {
  return new VolumesOfNode(parts);
}

class VolumesOfNode implements Volumes {
  readonly #parts: VolumesParts;
  readonly #alarm: Alarm;
  readonly #places = new Map<string, Place>();
  /** Of volumes that are gone. */
  readonly #past = { logins: 0, tokenRenewals: 0, leaseRenewals: 0, requests: 0 };
  /** The driver asks at intervals. */
  #isRepublishing = false;

  constructor(parts: VolumesParts) {
    this.#parts = parts;
    this.#alarm = createAlarm(parts.clock, parts.scope);
  }

  get counts(): VolumeCounts {
    const all = [...this.#places.values()].map(({ volume }) => volume);
    const sum = (of: (volume: Volume) => number): number =>
      all.reduce((total, volume) => total + of(volume), 0);
    return {
      volumes: all.length,
      staleVolumes: all.filter(({ isStale }) => isStale).length,
      logins: this.#past.logins + sum(({ keeper }) => keeper.generation),
      tokenRenewals: this.#past.tokenRenewals + sum(({ keeper }) => keeper.renewals),
      leaseRenewals: this.#past.leaseRenewals + sum(({ leaseRenewals }) => leaseRenewals),
      requests: this.#past.requests + sum(({ keeper }) => keeper.requests),
    };
  }

  async mount(request: MountRequest, whole: Scope): Promise<MountAnswer> {
    const key = keyOf(request);
    const place = this.#places.get(key) ?? (await this.#open(key, request));
    place.request = request;
    const { timeoutMs } = place.config;
    using scope = whole.child({ timeoutMs, startedAtMs: whole.startedAtMs });
    place.asking += 1;
    try {
      const answer = await this.#filled(place, scope);
      this.#isRepublishing ||= place.volume.askedForS >= this.#parts.keepS * REPEATING_PART;
      if (place.volume.asks > 1) await this.#endFormer(place, scope);
      return answer;
    } catch (error) {
      // Nobody has got anything of it, or is about to.
      if (place.volume.asks === 0 && place.asking === 1)
        await this.#end(key, 'its first mount failed', scope);
      throw error;
    } finally {
      place.asking -= 1;
      this.#alarm.ring();
    }
  }

  async #filled(place: Place, scope: Scope): Promise<MountAnswer> {
    const startMs = scope.now();
    const { volume, pod, request } = place;
    const before = volume.keeper.requests;
    const work = [volume.fill(scope), this.#parts.versionKey.get()] as const;
    const [rendered, versionKey] = await Promise.all(work);
    const answer = answerOf(rendered, versionKey);
    const mark = markOf(answer);
    if (place.latest !== mark) {
      const told = { pod: nameOf(pod), class: request.className, files: answer.files.length };
      const requests = volume.keeper.requests - before;
      const duration_ms = Math.round(scope.now() - startMs);
      scope.log.write({ event: 'mounted', ...told, requests, duration_ms });
    }
    place.latest = mark;
    return answer;
  }

  async watchOver(): Promise<never> {
    for (;;) {
      await this.#alarm.until(this.#dueAtS);
      this.#parts.scope.throwIfEnded();
      const nowS = this.#parts.clock.now();
      const forgotten = [...this.#places].filter(([, place]) => this.#forgottenAtS(place) <= nowS);
      const due = [...this.#places.values()].filter(({ volume }) => volume.dueAtS <= nowS);
      await Promise.all([
        ...forgotten.map(([key]) => this.#apart((scope) => this.#end(key, FORGOTTEN, scope))),
        ...due.map(({ volume }) => this.#apart((scope) => volume.tend(scope))),
      ]);
    }
  }

  async close(scope: Scope): Promise<void> {
    const left = [...this.#places.values()];
    const closeSome = async (): Promise<void> => {
      for (let place = left.shift(); place !== undefined; place = left.shift()) {
        const { pod, volume } = place;
        if (volume.isDependedOn) scope.log.write({ event: 'volume_ended', pod: nameOf(pod), reason: LEFT });
        await volume.close(scope, true);
      }
    };
    await Promise.all(Array.from({ length: ENDED_AT_ONCE }, closeSome));
    this.#places.clear();
  }

  get #dueAtS(): number {
    const times = [...this.#places.values()].map((place) =>
      Math.min(place.volume.dueAtS, this.#forgottenAtS(place)),
    );
    return Math.min(...times);
  }

  /** Where the driver asks only once, nobody can tell which pods are gone: their leases are renewed for as long as they live. */
  #forgottenAtS({ volume }: Place): number {
    return this.#isRepublishing ? volume.askedAtS + this.#parts.keepS : Infinity;
  }

  async #open(key: string, request: MountRequest): Promise<Place> {
    const contents = await this.#contentsOf(request);
    // Another request for the same volume may have been faster.
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const { clock, scope } = this.#parts;
    const latest = (): MountRequest => place.request;
    const keeper = this.#keeperOf(contents, latest);
    const volume = new Volume({ contents, clock, keeper, random: () => scope.random() });
    const former = this.#keysAt(request);
    const { config } = contents;
    const place: Place = { pod: request.pod, request, config, former, latest: undefined, asking: 0, volume };
    this.#places.set(key, place);
    return place;
  }

  #keeperOf({ config: whole, identity }: Contents, latest: () => MountRequest): TokenKeeper {
    const { clock, cluster, wires, scope: process } = this.#parts;
    return createTokenKeeper({
      config: whole,
      clock,
      random: () => process.random(),
      async prepare(config, scope) {
        const token =
          identity === undefined ? undefined : await podToken(latest(), identity.audience, cluster, scope);
        return prepareAccess(config, scope, await wires.take(config.server, scope), token);
      },
    });
  }

  async #contentsOf(request: MountRequest): Promise<Contents> {
    const { config, objects } = request.parameters;
    const { defaults } = this.#parts;
    if (config === undefined) return vaultClass(request, defaults);
    if (objects === undefined) return nativeClass(request, defaults);
    throw new RunError('config', 'the class has both `config` and `objects`', {
      hint: 'keep `config`, which says what this provider is to do; `objects` is for that of Vault',
    });
  }

  #keysAt({ pod, targetPath }: MountRequest): readonly string[] {
    return [...this.#places]
      .filter(([, { request }]) => request.pod.uid === pod.uid && request.targetPath === targetPath)
      .map(([key]) => key);
  }

  async #endFormer(place: Place, scope: Scope): Promise<void> {
    const keys = place.former;
    place.former = [];
    for (const key of keys) await this.#end(key, 'its class has changed', scope);
  }

  async #end(key: string, reason: string, scope: Scope): Promise<void> {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    const { keeper, leaseRenewals } = place.volume;
    await place.volume.close(scope, false);
    this.#past.logins += keeper.generation;
    this.#past.tokenRenewals += keeper.renewals;
    this.#past.leaseRenewals += leaseRenewals;
    this.#past.requests += keeper.requests;
    scope.log.write({ event: 'volume_ended', pod: nameOf(place.pod), reason });
  }

  /** What goes wrong with one volume is its own affair. */
  async #apart(work: (scope: Scope) => Promise<void>): Promise<void> {
    const whole = this.#parts.scope;
    using scope = whole.child({ timeoutMs: TEND_LIMIT_MS });
    try {
      await work(scope);
    } catch (error) {
      whole.throwIfEnded();
      for (const failure of asRunError(error).failures)
        scope.log.write({ event: 'token_not_replaced', ...failure });
    }
  }
}

const LEFT = 'this provider is being stopped, and what the pod holds lives until its own end';
const FORGOTTEN = 'the driver has not asked for it any more';
