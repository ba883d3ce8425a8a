import { loadMethod } from '../auth/index.ts';
import type { Failure } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Plan } from '../plan/plan.ts';
import { checkHealthAddress } from './health/health-address.ts';
import { checkHandlers } from './on-change/index.ts';
import type { Surroundings } from './on-change/handler-kind.ts';
import { scheduleOf, type Schedule } from './schedule.ts';

/** What is known of the watching before there is any. */
interface Foresight {
  readonly schedule: Schedule;
  /** What can never work. */
  readonly problems: readonly Failure[];
  readonly warnings: readonly Failure[];
}

/** For who only checks a config: it may run somewhere else, and with a command. */
export async function foresee(
  config: Config,
  plan: Plan,
  around: Pick<Surroundings, 'env' | 'cwd'>,
): Promise<Foresight> {
  return {
    schedule: await scheduleOf(config, plan),
    problems: problemsOf(config, { ...around, hasCommand: true, isElsewhere: true }),
    warnings: await singleUseOf(config),
  };
}

/** What is wrong with `watch:`, whatever will come. */
export function problemsOf(config: Config, around: Surroundings): readonly Failure[] {
  const { health, where } = config.watch;
  return [
    ...(health === undefined ? [] : checkHealthAddress(health, `${where}.health.address`)),
    ...checkHandlers(config, around),
  ];
}

/** @returns a failure if nobody would ever see what is kept good */
export function nobodySees({ outputs }: Plan, { watch }: Config, hasCommand: boolean): readonly Failure[] {
  if (outputs.length > 0 || hasCommand) return [];
  return [
    {
      kind: 'config',
      message: 'nothing to keep good: there are no outputs, and no command that variables are for',
      where: watch.where,
      hint: 'declare `outputs:`, or start the command with `vaultonce watch -- COMMAND`',
    },
  ];
}

/** Logins that succeed only once: the token is renewed as long as that is possible, but then there is no other. */
export async function singleUseOf({ auth, loginPlaces }: Config): Promise<readonly Failure[]> {
  const all = await Promise.all(
    auth.map(async (one): Promise<Failure[]> => {
      const field = (await loadMethod(one.method)).worksOnce?.(one);
      if (field === undefined) return [];
      return [
        {
          kind: 'config',
          message:
            'this login works once: `watch` renews its token, and needs another credential when that cannot be renewed any longer',
          where: loginPlaces.get(one)?.of(field) ?? `auth.${field}`,
          hint: 'have something put a new one in its place in time, take a login that can be repeated, or give the role a `token_period`',
        },
      ];
    }),
  );
  return all.flat();
}
