import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Tool } from '../job.ts';

/** One real run. Times are milliseconds since the herd began. */
export interface RealRun {
  readonly startMs: number;
  readonly endMs: number;
  /** CPU time of the client. */
  readonly cpuMs: number;
  readonly code: number;
}

/**
 * The same program in many lanes: one process for all, because only wait4(2) knows the CPU time of a child. The kernel ends it with its
 * parent (PR_SET_PDEATHSIG).
 */
const HERD = `
import ctypes, json, os, shutil, sys, time
ctypes.CDLL(None).prctl(1, 9)
herd = json.load(sys.stdin)
null = os.open(os.devnull, os.O_RDWR)
begin = time.perf_counter()
since = lambda: (time.perf_counter() - begin) * 1000
running, runs, begun = {}, [], 0
def start(lane):
    global begun
    begun += 1
    tool = herd["tools"][lane]
    shutil.rmtree(tool["output"], ignore_errors=True)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, 2, 2)]
    startMs = since()
    pid = os.posix_spawnp(tool["command"][0], tool["command"], {**herd["env"], **tool["env"]}, file_actions=actions)
    running[pid] = (lane, startMs)
for lane in range(min(len(herd["tools"]), herd["runs"])): start(lane)
while running:
    pid, status, usage = os.wait4(-1, 0)
    lane, startMs = running.pop(pid)
    runs.append({"startMs": startMs, "endMs": since(), "cpuMs": (usage.ru_utime + usage.ru_stime) * 1000, "code": os.waitstatus_to_exitcode(status)})
    if begun < herd["runs"]: start(lane)
json.dump(runs, sys.stdout)
`;

/**
 * @param tools one for each lane, which starts its next run when the last one has ended
 * @throws Error when a run fails
 */
export async function runHerd(tools: readonly Tool[], runs: number): Promise<readonly RealRun[]> {
  const child = spawn('python3', ['-c', HERD], { stdio: ['pipe', 'pipe', 'pipe'] });
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent' };
  child.stdin.end(JSON.stringify({ tools, runs, env }));
  const [output, said] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (output === '') throw new Error(`the herd did not run: ${said.slice(-500)}`);
  const all = JSON.parse(output) as RealRun[];
  const failed = all.filter(({ code }) => code !== 0);
  const [first] = failed;
  if (first === undefined) return all;
  const what = `${String(failed.length)} of ${String(runs)} runs of ${tools[0]?.name ?? ''} failed`;
  throw new Error(`${what}, the first with ${String(first.code)}: ${said.slice(-500)}`);
}
