import type { Command } from 'commander';
import type { CsiOptions } from '../csi/start.ts';
import type { Flags } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import { ADDRESS, AUTH_MOUNT, DEFAULTS, EXIT_CODES_HELP, NAMESPACE, withLogFlags } from './common-flags.ts';

export function addCsi(program: Command, io: Io): void {
  const csiCommand = program
    .command('csi')
    .description('serve the Secrets Store CSI driver as a provider, on each node')
    .requiredOption('--endpoint <path>', 'socket, named PROVIDER.sock in the directory of providers')
    .option('--health <address>', 'serve /livez, /readyz and /metrics at HOST:PORT, :PORT or unix:///path')
    .option(
      '--hmac-secret <name>',
      'Secret, in the namespace of this pod, with the key of object versions',
      'vault-csi-provider-hmac-key',
    )
    .option(
      '--service-account <directory>',
      'with the token of this pod (default: where Kubernetes mounts it)',
    )
    .option('--max-call-recv-msg-size <bytes>', 'largest answer, as the driver has it', '4194304')
    .option('--keep <duration>', 'end a volume that the driver has not asked for in this time', '1h')
    .option(...DEFAULTS)
    .option(...ADDRESS)
    .option(...NAMESPACE)
    .option(...AUTH_MOUNT)
    .option('--timeout <duration>', 'time limit for one mount (default: 60s)');
  withLogFlags(csiCommand)
    .addHelpText(
      'after',
      `
Examples:
  vaultonce csi --endpoint /provider/vault.sock       in place of vault-csi-provider, with its classes
  vaultonce csi --endpoint /provider/vaultonce.sock --health :8080 --address https://vault.example.com:8200
${EXIT_CODES_HELP}
  0 told to end`,
    )
    .action(async (options: CsiOptions, command: Command) => {
      const { csi } = await import('../commands/csi.ts');
      await csi(options, command.opts<Flags>(), io);
    });
}
