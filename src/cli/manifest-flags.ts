import { Option, type Command } from 'commander';
import type { ManifestFlags } from '../commands/pod-manifest.ts';
import type { Flags } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import { MANIFEST_FORMATS } from '../manifest/format-list.ts';
import { collect, OUT_HELP, withCommonFlags } from './common-flags.ts';

/** `vaultonce manifest`. */
export function addManifest(program: Command, io: Io): void {
  withCommonFlags(program.command('manifest'))
    .description('print what this config needs in a Kubernetes pod')
    .addOption(
      new Option('--format <name>', 'what to print').choices(MANIFEST_FORMATS).default('patch', 'patch'),
    )
    .option('--name <name>', 'name of the workload; other names start with it', 'app')
    .option('--container <name>', 'container that reads the files; repeatable (default: the name)', collect)
    .option('--image <image>', 'image of vaultonce (default: vaultonce:VERSION)')
    .option('--service-account <name>', 'service account of the pods (default: theirs, or the name)')
    .option(
      '--pod-namespace <name>',
      'Kubernetes namespace of the pods, or of the parameters of policies (default: none, or vault)',
    )
    .option('--watch', 'a native sidecar that runs `watch`, in place of an init container')
    .option('--user <uid>', 'run as this user, such as that of the application')
    .option('--audience <name>', 'audience of the service account token, as the role has it', 'vault')
    .option('--ca <name>', "ConfigMap with the server's CA, if the config names a file", 'vault-ca')
    .option('--out <path=ref>', OUT_HELP, collect)
    .option('--fixtures <file>', 'measure outputs with the values in a YAML or JSON file, for sizeLimit')
    .action(async (options: ManifestFlags, command: Command) => {
      const { manifest } = await import('../commands/pod-manifest.ts');
      await manifest(options, command.opts<Flags>(), io);
    });
}
