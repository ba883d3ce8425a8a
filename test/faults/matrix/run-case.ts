import { readFileSync } from 'node:fs';
import { dump } from 'js-yaml';
import { createCertificates, type Certificates } from '../../support/certificates.ts';
import { startCli, type CliResult } from '../../support/cli.ts';
import { createWorkspace, type Snapshot, type Workspace } from '../../support/workspace.ts';
import { canaryIn, CANARY } from './canaries.ts';
import type { Case } from './cases.ts';
import { startDouble, type Double } from './double.ts';
import { createWrongCertificates, type KeyPair, type WrongCertificate } from './wrong-certificates.ts';

/** `timeout` of a run. What hangs takes this long, so it is short. */
const TIMEOUT_S = 4;
/** A run that is still there then does not end by itself. Far more than `timeout`: the machine may be busy. */
const HANGS_AFTER_MS = 20_000;
/** Retries and all: nobody sends so many in so short a time. */
const MOST_REQUESTS = 60;
/** A failed run says why by one of these: 1 is a bug, 2 a mistake of the caller. */
const CODES: ReadonlySet<number> = new Set([0, 3, 4, 5, 6, 7, 8, 9, 10, 124]);

/** What a run did. */
interface Observation {
  readonly one: Case;
  readonly result: CliResult;
  readonly ended: boolean;
  readonly before: Snapshot;
  readonly after: Snapshot;
  /** What was printed and written beside the outputs, by name. */
  readonly told: Readonly<Record<string, string>>;
  readonly double: Double;
}

export interface MatrixCertificates {
  readonly good: Certificates;
  readonly wrong: ReadonlyMap<WrongCertificate, KeyPair>;
}

export async function createMatrixCertificates(directory: string): Promise<MatrixCertificates> {
  const good = await createCertificates(directory);
  return { good, wrong: createWrongCertificates(directory) };
}

function pairOf({ certificate }: Case, { good, wrong }: MatrixCertificates): KeyPair {
  const pair = certificate === undefined ? undefined : wrong.get(certificate);
  return pair ?? { cert: readFileSync(good.certFile), key: readFileSync(good.keyFile) };
}

/**
 * Runs one case.
 * @returns what it did that no run may do
 */
export async function violationsOf(
  one: Case,
  { good: certificates, wrong }: MatrixCertificates,
): Promise<readonly string[]> {
  const { scenario } = one.stage;
  const workspace = createWorkspace();
  let struck = 0;
  const double = await startDouble({
    transport: one.transport,
    dialect: one.dialect,
    tls: pairOf(one, { good: certificates, wrong }),
    onSocket: one.onSocket,
    respond(exchange) {
      const strikes = one.fault !== undefined && one.stage.strikes(exchange.request);
      if (strikes && (one.always || struck === 0)) {
        struck += 1;
        one.fault.play(exchange);
      } else exchange.send(exchange.honest());
    },
  });
  try {
    workspace.write('vaultonce.yaml', dump(scenario.config(double.address, workspace.root)));
    workspace.write('out/all.txt', 'from an earlier run', 0o400);
    workspace.write('out/a.txt', 'from an earlier run', 0o400);
    if (scenario.cluster) writeAccount(workspace, certificates);
    const before = workspace.snapshot('out');
    const { result, ended } = await run(one, workspace, certificates, double.address);
    const told = {
      stdout: result.stdout,
      stderr: result.stderr,
      report: workspace.read('report.json'),
      'termination message': workspace.read('termination-log'),
    };
    const observation = { one, result, ended, before, after: workspace.snapshot('out'), told, double };
    return PROMISES.flatMap((broken) => broken(observation) ?? []);
  } finally {
    await double.stop();
    workspace.remove();
  }
}

function writeAccount(workspace: Workspace, { caFile }: Certificates): void {
  workspace.write('account/token', `${CANARY}-account\n`);
  workspace.write('account/namespace', 'team');
  workspace.write('account/ca.crt', readFileSync(caFile));
}

async function run(
  one: Case,
  workspace: Workspace,
  { caFile }: Certificates,
  address: string,
): Promise<{ readonly result: CliResult; readonly ended: boolean }> {
  const { hostname, port } = new URL(address);
  const args = ['render', '-c', workspace.path('vaultonce.yaml'), '--timeout', `${String(TIMEOUT_S)}s`];
  args.push('--log-level', 'debug', '--log-format', one.logFormat);
  args.push('--report', workspace.write('report.json', ''));
  const running = startCli(args, {
    env: {
      VAULT_CACERT: caFile,
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      VAULTONCE_TERMINATION_LOG: workspace.write('termination-log', ''),
    },
  });
  let ended = true;
  const timer = setTimeout(() => {
    ended = false;
    running.child.kill('SIGKILL');
  }, HANGS_AFTER_MS);
  const result = await running.done;
  clearTimeout(timer);
  return { result, ended };
}

type Promised = (observation: Observation) => string | undefined;

/** What every run keeps, whatever happens to it. Each says how it was broken. */
const PROMISES: readonly Promised[] = [
  function ends({ ended }) {
    return ended
      ? undefined
      : `did not end within ${String(HANGS_AFTER_MS / 1000)} s of a timeout of ${String(TIMEOUT_S)} s`;
  },
  function hasADocumentedCode({ ended, result: { code, stderr } }) {
    return !ended || CODES.has(code ?? -1) ? undefined : `exit ${String(code)}: ${stderr.slice(-2000)}`;
  },
  function outlivesWhatPasses({ one: { fault, stage, always }, result: { code, stderr } }) {
    const isFinal = fault?.finalIn?.includes(stage.name) === true;
    const repeatable = stage.repeatable && !isFinal;
    const passes = fault?.kind === 'harmless' || (fault?.kind === 'passing' && !always && repeatable);
    return passes && code !== 0
      ? `exit ${String(code)} although the fault passes: ${stderr.slice(-2000)}`
      : undefined;
  },
  function trustsNoWrongCertificate({
    one: { certificate },
    result: { code, stderr },
    double: { requests },
  }) {
    if (certificate === undefined) return undefined;
    const said = code === 9 && /certificate/.test(stderr) && requests.length === 0;
    return said
      ? undefined
      : `exit ${String(code)}, ${String(requests.length)} requests: ${stderr.slice(-1500)}`;
  },
  function survivesItsRevocation({ one: { stage }, result: { code } }) {
    return stage.name === 'revocation' && code !== 0
      ? `exit ${String(code)} although only the revocation failed`
      : undefined;
  },
  function writesAllOrNothing({ one, result: { code }, before, after }) {
    if (code !== 0) {
      // A failed run may not even touch a file.
      return JSON.stringify(before) === JSON.stringify(after)
        ? undefined
        : `exit ${String(code)}, and the outputs changed: ${Object.keys(after).join(', ')}`;
    }
    for (const [name, content] of Object.entries(one.stage.scenario.files)) {
      const written = after[name]?.content;
      if (written === undefined || written === 'from an earlier run')
        return `exit 0, and ${name} is not written`;
      if (one.fault?.changesValues !== true && written !== content)
        return `exit 0, and ${name} has other values: ${written.slice(0, 300)}`;
    }
    return undefined;
  },
  function leavesNoTemporaryFile({ before, after, one }) {
    const known = new Set([...Object.keys(before), ...Object.keys(one.stage.scenario.files)]);
    const left = Object.keys(after).filter((name) => !known.has(name));
    return left.length === 0 ? undefined : `left behind: ${left.join(', ')}`;
  },
  function tellsNoSecret({ told }) {
    for (const [where, text] of Object.entries(told)) {
      const form = canaryIn(text);
      if (form !== undefined) {
        const at = text.indexOf(form);
        return `a secret in the ${where}, as ${form}: …${text.slice(Math.max(0, at - 200), at + 100)}…`;
      }
    }
    return undefined;
  },
  function obeysNobody({ told }) {
    for (const [where, text] of Object.entries(told)) {
      const found = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]|^\s*(?:::|##\[|##vso\[)/m.exec(
        text,
      );
      if (found !== null)
        return `a command in the ${where}: ${JSON.stringify(text.slice(Math.max(0, found.index - 100), found.index + 60))}`;
    }
    return undefined;
  },
  function logsLines({ one: { logFormat }, result: { stderr } }) {
    if (logFormat === 'text') return undefined;
    for (const line of stderr.split('\n').filter((text) => text !== '')) {
      try {
        JSON.parse(line);
      } catch {
        return `a line of the log that is no JSON: ${line.slice(0, 500)}`;
      }
    }
    return undefined;
  },
  function saysWhatToDo({ result: { code }, told }) {
    if (code === 0) return undefined;
    const stderr = told['stderr'] ?? '';
    const silent = stderr
      .split('\n')
      .some((line) => line.includes('"event":"failed"') && !line.includes('"hint":"'));
    return silent || !/"hint":"|^ +→/m.test(stderr)
      ? `exit ${String(code)} without a hint: ${stderr.slice(-1500)}`
      : undefined;
  },
  function asksNotForEver({ double: { requests } }) {
    return requests.length > MOST_REQUESTS ? `${String(requests.length)} requests` : undefined;
  },
  function mintsOnce({ double: { minted } }) {
    const twice = [...minted].filter(([, count]) => count > 1);
    return twice.length === 0
      ? undefined
      : `minted more than once: ${twice.map(([path]) => path).join(', ')}`;
  },
  function givesBack({ one: { stage }, result: { code }, double }) {
    if (stage.name === 'revocation') return undefined;
    if (stage.scenario.keepsToken && code === 0) return undefined;
    const left = [
      ...(double.tokensLeft() > 0 ? [`${String(double.tokensLeft())} tokens`] : []),
      ...(double.leasesLeft() > 0 ? [`${String(double.leasesLeft())} leases`] : []),
    ];
    return left.length === 0 ? undefined : `exit ${String(code)}, and left on the server: ${left.join(', ')}`;
  },
];
