import { mkdirSync, writeFileSync } from 'node:fs';
import { Session, type Profiler } from 'node:inspector';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { mutated, type Pick } from './mutate.ts';
import { defectOf, TARGETS, type FuzzTarget } from './targets.ts';

/**
 * A fuzzer that looks at coverage: a text that reaches new code is kept, and changed further. `npm run fuzz -- --seconds 60 config template`
 * prints each defect, and writes the text to .cache/fuzz. It runs in a thread, so that a text without an end is found, too.
 */

/** Far longer than any text that is not pathological takes. */
const HANGS_AFTER_MS = 5000;
const DIRECTORY = join(import.meta.dirname, '../../.cache/fuzz');

interface Task {
  readonly target: string;
  readonly seconds: number;
  readonly seed: number;
}

type Message =
  | { readonly kind: 'takes'; readonly text: string }
  | { readonly kind: 'defect'; readonly text: string; readonly defect: string }
  | { readonly kind: 'done'; readonly taken: number; readonly kept: number };

/** Blocks of code that were reached for the first time since it was asked last. */
function openCoverage(): () => Promise<number> {
  const session = new Session();
  session.connect();
  const post = <T>(method: string, params: object = {}): Promise<T> =>
    new Promise((resolve, reject) => {
      session.post(method, params, (error: Error | null, result?: object) => {
        if (error === null) resolve(result as T);
        else reject(error);
      });
    });
  const seen = new Set<string>();
  // Without counts, V8 tells of a function only when something in it is new.
  const started = post('Profiler.enable').then(() =>
    post('Profiler.startPreciseCoverage', { callCount: false, detailed: true }),
  );
  return async () => {
    await started;
    const { result } = await post<{ result: Profiler.ScriptCoverage[] }>('Profiler.takePreciseCoverage');
    let found = 0;
    for (const { url, functions } of result) {
      if (!url.includes('/src/') && !url.includes('js-yaml') && !url.includes('mustache')) continue;
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges) {
          const block = `${url}:${String(startOffset)}:${String(endOffset)}`;
          if (count === 0 || seen.has(block)) continue;
          seen.add(block);
          found += 1;
        }
    }
    return found;
  };
}

/** A generator of 32 bits of state: the same texts for the same seed. */
function pickFrom(seed: number): Pick {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * limit);
  };
}

async function work({ target: name, seconds, seed }: Task): Promise<void> {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const tell = (message: Message): void => parentPort?.postMessage(message);
  const newBlocks = openCoverage();
  const pick = pickFrom(seed);
  const corpus = [...target.seeds];
  const known = new Set<string>();
  const end = performance.now() + seconds * 1000;
  let taken = 0;
  const take = async (text: string): Promise<void> => {
    tell({ kind: 'takes', text });
    taken += 1;
    const defect = await defectOf(target, text);
    if (defect === undefined) return;
    // One place in the code is one defect.
    const place = defect.split('\n').slice(0, 3).join('\n').replace(/\d+/g, 'N');
    if (known.has(place)) return;
    known.add(place);
    tell({ kind: 'defect', text, defect });
  };
  for (const seedText of target.seeds) await take(seedText);
  await newBlocks();
  while (performance.now() < end) {
    // Later finds more often: they are further in.
    const at = pick(2) === 0 ? pick(corpus.length) : corpus.length - 1 - pick(Math.min(20, corpus.length));
    const text = mutated(corpus[at] ?? '', target.words, corpus, pick);
    await take(text);
    if ((await newBlocks()) > 0) corpus.push(text);
  }
  tell({ kind: 'done', taken, kept: corpus.length - target.seeds.length });
}

/** @returns how many defects there are */
async function fuzz(target: FuzzTarget, seconds: number, seed: number): Promise<number> {
  let defects = 0;
  const found = (text: string, defect: string): void => {
    defects += 1;
    mkdirSync(DIRECTORY, { recursive: true });
    const file = join(DIRECTORY, `${target.name.replaceAll(' ', '-')}-${String(seed)}-${String(defects)}`);
    writeFileSync(file, text);
    console.log(`${target.name}: ${defect}\n    by ${JSON.stringify(text.slice(0, 300))}\n    in ${file}`);
  };
  const task: Task = { target: target.name, seconds, seed };
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  let current = '';
  const hung = (): void => {
    found(current, `takes more than ${String(HANGS_AFTER_MS / 1000)} s`);
    void worker.terminate();
  };
  let timer = setTimeout(hung, HANGS_AFTER_MS * 4);
  worker.on('message', (message: Message) => {
    clearTimeout(timer);
    timer = setTimeout(hung, HANGS_AFTER_MS);
    if (message.kind === 'takes') current = message.text;
    else if (message.kind === 'defect') found(message.text, message.defect);
    else
      console.log(
        `${target.name}: ${String(message.taken)} texts, ${String(message.kept)} of them reached new code`,
      );
  });
  worker.on('error', (error) => {
    found(current, `ended the process: ${String(error)}`);
  });
  await new Promise((resolve) => worker.once('exit', resolve));
  clearTimeout(timer);
  return defects;
}

async function main(args: string[]): Promise<void> {
  const numberAfter = (flag: string, otherwise: number): number => {
    const at = args.indexOf(flag);
    return at === -1 ? otherwise : Number(args.splice(at, 2)[1]);
  };
  const seconds = numberAfter('--seconds', 60);
  const seed = numberAfter('--seed', 1);
  const wanted = TARGETS.filter(({ name }) => args.length === 0 || args.includes(name));
  let defects = 0;
  for (const target of wanted) defects += await fuzz(target, seconds, seed);
  console.log(`${String(wanted.length)} passed, ${String(defects)} failed`);
  process.exitCode = defects === 0 && wanted.length > 0 ? 0 : 1;
}

await (isMainThread ? main(process.argv.slice(2)) : work(workerData as Task));
