import type { CommandDefinition } from '../commands/command.ts';
import type { CsiOptions } from '../csi/start.ts';
import type { Flags } from '../config/settings.ts';
import { AUTH_MOUNT, DEFAULTS, LOG, SERVER } from './common-flags.ts';

export function csiCommand(): CommandDefinition {
  return {
    description: 'serve the Secrets Store CSI driver as a provider, on each node',
    flags: {
      '--endpoint': {
        value: 'path',
        repeats: true,
        isNeeded: true,
        description: 'socket, named PROVIDER.sock in the directory of providers; repeatable',
      },
      '--health': {
        value: 'address',
        description: 'serve /livez, /readyz and /metrics at HOST:PORT, :PORT or unix:///path',
      },
      '--hmac-secret': {
        value: 'name',
        description: 'Secret, in the namespace of this pod, with the key of object versions',
        fallback: 'vault-csi-provider-hmac-key',
      },
      '--keep': {
        value: 'duration',
        description: 'end a volume that the driver has not asked for in this time',
        fallback: '1h',
      },
      '--service-account': {
        value: 'directory',
        description: 'with the token of this pod (default: where Kubernetes mounts it)',
      },
      '--max-call-recv-msg-size': {
        value: 'bytes',
        description: 'largest answer, as the driver has it',
        fallback: '4194304',
      },
      ...DEFAULTS,
      ...SERVER,
      ...AUTH_MOUNT,
      '--timeout': { value: 'duration', description: 'time limit for one mount (default: 60s)' },
      ...LOG,
    },
    async run(options: CsiOptions & Flags, _words, io) {
      const { csi } = await import('../commands/csi.ts');
      await csi(options, options, io);
    },
  };
}
