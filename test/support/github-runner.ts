import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { githubLog, readGithubFile, type Variables } from './ci-readers.ts';
import type { Env, Job } from './job.ts';

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly with?: Variables;
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
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

export interface WorkflowResult {
  /** Of the step that failed; else 0. */
  readonly code: number | null;
  /** As the runner shows it. */
  readonly log: string;
  /** What the steps have added to the environment. */
  readonly env: Variables;
}

/** What a workflow is run with. */
export interface WorkflowOptions {
  /** Relative to the working copy. */
  readonly file: string;
  readonly job: string;
  /** Goes before the `env:` of the workflow. */
  readonly env: Env;
  /** What a job gets that may ask for an identity token. */
  readonly identity: Env;
}

/** Runs a job of a workflow as the runner of GitHub does, as far as the examples go. */
export async function runWorkflow(job: Job, options: WorkflowOptions): Promise<WorkflowResult> {
  const workflow = load(readFileSync(join(job.directory, options.file), 'utf8')) as Workflow;
  const definition = workflow.jobs[options.job];
  assert.ok(definition, options.job);
  const identity = workflow.permissions['id-token'] === 'write' ? options.identity : {};
  const runner = new Runner(
    job,
    { ...job.env, ...workflow.env, ...options.env, ...identity, GITHUB_ACTIONS: 'true', CI: 'true' },
    definition.defaults?.run['working-directory'] ?? '.',
  );
  for (const step of definition.steps) {
    const code = await runner.step(step, {});
    if (code !== 0) return { code, ...runner.result() };
  }
  return { code: 0, ...runner.result() };
}

class Runner {
  readonly #job: Job;
  readonly #env: Env;
  readonly #directory: string;
  readonly #outputs: Record<string, Variables> = {};
  readonly #added: Record<string, string> = {};
  #log = '';

  constructor(job: Job, env: Env, directory: string) {
    this.#job = job;
    this.#env = env;
    this.#directory = directory;
  }

  result(): Pick<WorkflowResult, 'log' | 'env'> {
    return { log: githubLog(this.#log), env: this.#added };
  }

  async step(step: Step, inputs: Variables): Promise<number | null> {
    if (step.uses === undefined) return this.#script(step, inputs);
    if (!step.uses.startsWith('./')) {
      assert.match(step.uses, /^actions\/checkout@/);
      return 0;
    }
    const file = join(this.#job.directory, step.uses, 'action.yml');
    const action = load(readFileSync(file, 'utf8')) as Action;
    assert.equal(action.runs.using, 'composite');
    for (const name of Object.keys(step.with ?? {})) assert.ok(action.inputs[name], `input ${name}`);
    const given = Object.fromEntries(
      Object.entries(action.inputs).map(([name, input]) => [name, step.with?.[name] ?? input.default ?? '']),
    );
    for (const inner of action.runs.steps) {
      const code = await this.step(inner, given);
      if (code !== 0) return code;
    }
    if (step.id !== undefined) {
      const outputs = Object.entries(action.outputs ?? {});
      this.#outputs[step.id] = Object.fromEntries(
        outputs.map(([name, { value }]) => [name, this.#expanded(value, given)]),
      );
    }
    return 0;
  }

  async #script({ id, run = '', shell, env = {} }: Step, inputs: Variables): Promise<number | null> {
    const { workspace, directory } = this.#job;
    const script = workspace.write('step.sh', this.#expanded(run, inputs));
    const files = {
      GITHUB_ENV: workspace.write('github-env', ''),
      GITHUB_OUTPUT: workspace.write('github-output', ''),
    };
    const own = Object.entries(env).map(([name, value]) => [name, this.#expanded(value, inputs)]);
    const bash = shell === 'bash' ? 'bash --noprofile --norc -eo pipefail' : 'bash -e';
    const { code, log } = await this.#job.run(
      ['sh', '-c', `cd "$0" && exec ${bash} "$1"`, join(directory, this.#directory), script],
      { ...this.#env, ...this.#added, ...(Object.fromEntries(own) as Env), ...files },
    );
    this.#log += log;
    Object.assign(this.#added, readGithubFile(workspace.read('github-env')));
    if (id !== undefined) this.#outputs[id] = readGithubFile(workspace.read('github-output'));
    return code;
  }

  #expanded(text: string, inputs: Variables): string {
    return text.replaceAll(/\$\{\{ *(.+?) *\}\}/g, (_match, expression: string) => {
      const [, input] = /^inputs\.([\w-]+)$/.exec(expression) ?? [];
      const [, id = '', output = ''] = /^steps\.([\w-]+)\.outputs\.(\w+)$/.exec(expression) ?? [];
      const value =
        this.#ofJson(expression, inputs) ??
        (input === undefined ? this.#outputs[id]?.[output] : inputs[input]);
      assert.notEqual(value, undefined, `the expression ${expression}`);
      return value ?? '';
    });
  }

  /** What the functions about JSON give; undefined: it is something else. */
  #ofJson(expression: string, inputs: Variables): string | undefined {
    const [, step] = /^toJSON\(steps\.([\w-]+)\.outputs\)$/.exec(expression) ?? [];
    if (step !== undefined) return JSON.stringify(this.#outputs[step], undefined, 2);
    const [, json, key = ''] = /^fromJSON\((.+)\)\.(\w+)$/.exec(expression) ?? [];
    if (json === undefined) return undefined;
    return (JSON.parse(this.#expanded(`\${{ ${json} }}`, inputs)) as Variables)[key];
  }
}
