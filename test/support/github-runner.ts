import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { githubLog, readGithubFile, type Variables } from './ci-readers.ts';
import type { Env, Job } from './job.ts';

/** A step of a job. */
export interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string | boolean>>;
  readonly run?: string;
  readonly shell?: string;
  readonly env?: Variables;
}

interface Workflow {
  readonly permissions: Variables;
  readonly env?: Variables;
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly Step[]; readonly defaults?: { readonly run: Variables } }>
  >;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default?: string }>>;
  readonly runs: { readonly using: string; readonly main: string };
}

export interface WorkflowResult {
  /** Of the step that failed; else 0. */
  readonly code: number | null;
  /** As the runner shows it. */
  readonly log: string;
  /** As the steps have written it. */
  readonly raw: string;
  /** What the steps have added to the environment. */
  readonly env: Variables;
}

/** What a job is run with. */
export interface JobOptions {
  /** Goes before the `env:` of the workflow. */
  readonly env: Env;
  /** What a job gets that may ask for an identity token. */
  readonly identity: Env;
  /** Where actions of other repositories are, by what `uses:` says. */
  readonly actions?: Readonly<Record<string, string>>;
}

/** What a workflow is run with. */
export interface WorkflowOptions extends JobOptions {
  /** Relative to the working copy. */
  readonly file: string;
  readonly job: string;
}

/** Runs a job of a workflow as the runner of GitHub does, as far as the examples go. */
export async function runWorkflow(job: Job, options: WorkflowOptions): Promise<WorkflowResult> {
  const workflow = load(readFileSync(join(job.directory, options.file), 'utf8')) as Workflow;
  const definition = workflow.jobs[options.job];
  assert.ok(definition, options.job);
  const identity = workflow.permissions['id-token'] === 'write' ? options.identity : {};
  const directory = definition.defaults?.run['working-directory'];
  return runSteps(
    job,
    definition.steps,
    { ...options, identity, env: { ...workflow.env, ...options.env } },
    directory,
  );
}

/** Runs steps until one fails. */
export async function runSteps(
  job: Job,
  steps: readonly Step[],
  { env, identity, actions = {} }: JobOptions,
  directory = '.',
): Promise<WorkflowResult> {
  const ofRunner = {
    RUNNER_TEMP: job.workspace.path('runner-temp'),
    RUNNER_TOOL_CACHE: job.workspace.path('tool-cache'),
    GITHUB_ACTIONS: 'true',
    CI: 'true',
  };
  const runner = new Runner(job, { ...job.env, ...ofRunner, ...env, ...identity }, directory, actions);
  for (const step of steps) {
    const code = await runner.step(step);
    if (code !== 0) return { code, ...runner.result() };
  }
  return { code: 0, ...runner.result() };
}

class Runner {
  readonly #job: Job;
  readonly #env: Env;
  readonly #directory: string;
  readonly #actions: Readonly<Record<string, string>>;
  readonly #outputs: Record<string, Variables> = {};
  readonly #added: Record<string, string> = {};
  #log = '';

  constructor(job: Job, env: Env, directory: string, actions: Readonly<Record<string, string>>) {
    this.#job = job;
    this.#env = env;
    this.#directory = directory;
    this.#actions = actions;
  }

  result(): Pick<WorkflowResult, 'log' | 'raw' | 'env'> {
    return { log: githubLog(this.#log), raw: this.#log, env: this.#added };
  }

  async step(step: Step): Promise<number | null> {
    if (step.uses === undefined) return this.#script(step);
    const directory = this.#actions[step.uses];
    if (directory !== undefined) return this.#action(step, directory);
    assert.match(step.uses, /^actions\/checkout@/);
    return 0;
  }

  /** https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax#runs-for-javascript-actions */
  async #action(step: Step, directory: string): Promise<number | null> {
    const action = load(readFileSync(join(directory, 'action.yml'), 'utf8')) as Action;
    assert.equal(action.runs.using, 'node24');
    const given = Object.entries(step.with ?? {});
    const unexpected = given.map(([name]) => name).filter((name) => !(name in action.inputs));
    // They are passed on nevertheless.
    if (unexpected.length > 0) this.#log += `Unexpected input(s) '${unexpected.join("', '")}'\n`;
    const defaults = Object.entries(action.inputs).map(([name, input]) => [name, input.default ?? '']);
    const inputs = [...(defaults as typeof given), ...given].map(
      ([name, value]) =>
        [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, this.#expanded(String(value))] as const,
    );
    const main = join(directory, action.runs.main);
    return this.#run(step, [process.execPath, main], Object.fromEntries(inputs));
  }

  #script(step: Step): Promise<number | null> {
    const script = this.#job.workspace.write('step.sh', this.#expanded(step.run ?? ''));
    const bash = step.shell === 'bash' ? 'bash --noprofile --norc -eo pipefail' : 'bash -e';
    const directory = join(this.#job.directory, this.#directory);
    return this.#run(step, ['sh', '-c', `cd "$0" && exec ${bash} "$1"`, directory, script], {});
  }

  async #run(
    { id, env = {} }: Step,
    command: readonly [string, ...string[]],
    inputs: Env,
  ): Promise<number | null> {
    const { workspace } = this.#job;
    const files = {
      GITHUB_ENV: workspace.write('github-env', ''),
      GITHUB_OUTPUT: workspace.write('github-output', ''),
    };
    const own = Object.entries(env).map(([name, value]) => [name, this.#expanded(value)]);
    const { code, log } = await this.#job.run(command, {
      ...this.#env,
      ...this.#added,
      ...(Object.fromEntries(own) as Env),
      ...inputs,
      ...files,
    });
    this.#log += log;
    Object.assign(this.#added, readGithubFile(workspace.read('github-env')));
    if (id !== undefined) this.#outputs[id] = readGithubFile(workspace.read('github-output'));
    return code;
  }

  #expanded(text: string): string {
    return text.replaceAll(/\$\{\{ *(.+?) *\}\}/g, (_match, expression: string) => {
      const [, id = '', output = ''] = /^steps\.([\w-]+)\.outputs\.(\w+)$/.exec(expression) ?? [];
      // Its contexts ignore case.
      const found = Object.entries(this.#outputs[id] ?? {}).find(
        ([name]) => name.toLowerCase() === output.toLowerCase(),
      );
      assert.ok(found, `the expression ${expression}`);
      return found[1];
    });
  }
}
