import type { CommandDefinition, FlagDefinitions } from '../commands/command.ts';
import type { ManifestFlags } from '../commands/pod-manifest.ts';
import type { Flags } from '../config/settings.ts';
import { MANIFEST_FORMATS } from '../manifest/format-list.ts';
import { COMMON, OUT } from './common-flags.ts';

/** `vaultonce manifest`. */
export function manifestCommand(): CommandDefinition {
  return {
    description: 'print what this config needs in a Kubernetes pod',
    flags: flagsOfManifest(),
    async run(options: ManifestFlags & Flags, _words, io) {
      const { manifest } = await import('../commands/pod-manifest.ts');
      await manifest(options, options, io);
    },
  };
}

function flagsOfManifest(): FlagDefinitions {
  return {
    ...COMMON,
    '--format': {
      value: 'name',
      choices: MANIFEST_FORMATS,
      fallback: 'patch',
      description: 'what to print',
    },
    '--name': {
      value: 'name',
      fallback: 'app',
      description: 'name of the workload; other names start with it',
    },
    '--container': {
      value: 'name',
      repeats: true,
      description: 'container that reads the files; repeatable (default: the name)',
    },
    '--image': { value: 'image', description: 'image of vaultonce (default: vaultonce:VERSION)' },
    '--service-account': {
      value: 'name',
      description: 'service account of the pods (default: theirs, or the name)',
    },
    '--pod-namespace': {
      value: 'name',
      description:
        'Kubernetes namespace of the pods, or of the parameters of policies (default: none, or vault)',
    },
    '--watch': { description: 'a native sidecar that runs `watch`, in place of an init container' },
    '--user': { value: 'uid', description: 'run as this user, such as that of the application' },
    '--audience': {
      value: 'name',
      fallback: 'vault',
      description: 'audience of the service account token, as the role has it',
    },
    '--ca': {
      value: 'name',
      fallback: 'vault-ca',
      description: "ConfigMap with the server's CA, if the config names a file",
    },
    ...OUT,
    '--fixtures': {
      value: 'file',
      description: 'measure outputs with the values in a YAML or JSON file, for sizeLimit',
    },
  };
}
