import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { IS_STANDALONE } from './cli.ts';
import { installed } from './format-readers.ts';
import type { Workspace } from './workspace.ts';

/** What systemd has to listen to messages of sd_notify(3): a socket that Node cannot open. */
const LISTENER = `
import array, json, os, socket, sys
name = sys.argv[1]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind('\\0' + name[1:] if name[0] == '@' else name)
if name[0] != '@': os.chmod(name, 0o777)
print('[]', flush=True)
while True:
    data, ancillary, _, _ = listener.recvmsg(65536, 1024)
    for _, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            for descriptor in array.array('i', content[:len(content) // 4 * 4]): os.close(descriptor)
    print(json.dumps(data.decode().split('\\n')), flush=True)
`;

/** In the place of systemd's own, where it is not installed. */
const SYSTEMD_NOTIFY = `#!/usr/bin/env python3
import os, socket, sys
name = os.environ['NOTIFY_SOCKET']
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.sendto('\\n'.join(sys.argv[1:]).encode(), '\\0' + name[1:] if name[0] == '@' else name)
`;

const PATIENCE_MS = 20_000;

export interface NotifyListener {
  /** What a service is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** So far, a line each. */
  readonly heard: readonly string[];
  /** Resolves once a line matches, that many times. */
  readonly until: (pattern: RegExp, times?: number) => Promise<void>;
  stop(): void;
}

/** @param address `/path`, or `@name` without a path */
export async function listenAsSystemd(workspace: Workspace, address: string): Promise<NotifyListener> {
  if (!IS_STANDALONE && installed('systemd-notify').length === 0)
    workspace.write('bin/systemd-notify', SYSTEMD_NOTIFY, 0o755);
  const child = spawn('python3', ['-c', LISTENER, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  const heard: string[] = [];
  let rest = '';
  const first = once(child.stdout, 'data');
  child.stdout.on('data', (chunk) => {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) heard.push(...(JSON.parse(line) as string[]));
  });
  await first;
  return {
    env: { NOTIFY_SOCKET: address, PATH: `${workspace.path('bin')}:${process.env['PATH'] ?? ''}` },
    heard,
    async until(pattern, times = 1) {
      for (
        const endMs = Date.now() + PATIENCE_MS;
        heard.filter((line) => pattern.test(line)).length < times;
      ) {
        if (Date.now() > endMs) throw new Error(`${String(pattern)} was not heard: ${heard.join('; ')}`);
        await delay(20);
      }
    },
    stop: () => void child.kill('SIGKILL'),
  };
}
