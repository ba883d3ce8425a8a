import { hashOf } from '../reuse/known-outputs.ts';
import type { RenderedOutput, WritableOutput } from '../plan/outputs.ts';
import type { RenderedVariable } from '../render/render-variables.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { ManagedDirectory, OutputPlan } from '../plan/outputs.ts';
import { isThere } from './former-outputs.ts';

/** What is published: the outputs as they are, and the variables as the command has them. */
export interface Display {
  /** By the paths of their targets. */
  readonly outputs: ReadonlyMap<string, WritableOutput>;
  readonly variables: readonly RenderedVariable[];
  /** Those that differ from what is published. */
  changedOf(rendered: readonly RenderedOutput[]): readonly RenderedOutput[];
  /** Those that were published, of which somebody has removed a file. */
  lost(): readonly RenderedOutput[];
  isChanged(variables: readonly RenderedVariable[]): boolean;
  /**
   * All that has to be published with some changes: a directory that is managed, and a Secret of the cluster, are known as a
   * whole only.
   * @param tidies all files, in any case
   */
  together(
    changed: readonly RenderedOutput[],
    managed: ManagedDirectory | undefined,
    tidies: boolean,
  ): readonly WritableOutput[];
  show(outputs: readonly WritableOutput[]): void;
  showVariables(variables: readonly RenderedVariable[]): void;
}

export function createDisplay(plans: readonly OutputPlan[]): Display {
  const outputs = new Map<string, WritableOutput>();
  let variables: readonly RenderedVariable[] = [];
  return {
    outputs,
    get variables() {
      return variables;
    },
    changedOf: (rendered) =>
      rendered.filter((output) => {
        const present = outputs.get(output.plan.target.path);
        return present === undefined || markOf(present) !== markOf(output);
      }),
    lost: () =>
      plans.flatMap((plan) => {
        const { files = [] } = outputs.get(plan.target.path) ?? {};
        const isLost = !isSecretOutput(plan) && files.some(({ path }) => isThere(path) === false);
        return isLost ? [{ plan, files }] : [];
      }),
    isChanged: (others) => markOfVariables(others) !== markOfVariables(variables),
    together(changed, managed, tidies) {
      const isFileChanged = changed.some(({ plan }) => !isSecretOutput(plan));
      const secrets = new Set(
        changed.filter(({ plan }) => isSecretOutput(plan)).map(({ plan }) => secretOf(plan)),
      );
      const isPart = (plan: OutputPlan): boolean =>
        isSecretOutput(plan)
          ? secrets.has(secretOf(plan))
          : tidies || (managed !== undefined && isFileChanged);
      return plans.flatMap((plan) => {
        const fresh = changed.find((one) => one.plan.target.path === plan.target.path);
        if (fresh !== undefined) return [fresh];
        const present = outputs.get(plan.target.path);
        return present !== undefined && isPart(plan) ? [present] : [];
      });
    },
    show(shown) {
      for (const output of shown) outputs.set(output.plan.target.path, output);
    },
    showVariables(shown) {
      variables = shown;
    },
  };
}

function secretOf({ kubernetes }: OutputPlan): string {
  return `${kubernetes?.namespace ?? ''}/${kubernetes?.name ?? ''}`;
}

function markOf({ plan, files }: WritableOutput): string {
  const { mode, uid, gid } = plan.target;
  const look = isSecretOutput(plan) ? plan.kubernetes : { mode, uid, gid };
  return JSON.stringify([look, files.map(({ path, content }) => [path, hashOf(content.reveal())])]);
}

function markOfVariables(variables: readonly RenderedVariable[]): string {
  return hashOf(JSON.stringify(variables.map(({ name, value }) => [name, value?.reveal()])));
}
