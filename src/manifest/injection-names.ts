/** What the policies of injection call things; public, as annotations are. */
export const DOMAIN = 'vaultonce.dev';
export const LABEL = `${DOMAIN}/inject`;
export const OUT = `out.${DOMAIN}/`;

export const CONTAINER = 'vaultonce';
export const VOLUMES = {
  outputs: 'vaultonce-secrets',
  inputs: 'vaultonce-inputs',
  config: 'vaultonce-config',
};
export const DIRECTORY = '/vault/secrets';
export const INPUTS = '/var/run/secrets/vaultonce';
export const CONFIG = '/etc/vaultonce';
/** What the policy writes on a pod itself. */
export const DEFAULTS = `${DOMAIN}/defaults`;

/** Resources. */
export const QUANTITIES = ['cpu', 'cpu-limit', 'memory', 'memory-limit', 'size'] as const;

export type QuantityName = (typeof QUANTITIES)[number];

/** What a pod may say, but for its outputs. */
export const ANNOTATIONS = [
  'config',
  'config-map',
  'role',
  'auth-mount',
  'address',
  'namespace',
  'directory',
  'mode',
  'containers',
  ...QUANTITIES,
] as const;

export type Annotation = (typeof ANNOTATIONS)[number];

/** What manifests have that were written without injection: it asks for nothing. */
export const IGNORED = `${DOMAIN}/config-hash`;

/** A condition or a variable of a policy. */
export interface Named {
  readonly name: string;
  readonly expression: string;
}

/** The value of an annotation, as optional of CEL. */
export function note(name: Annotation): string {
  return `variables.notes[?'${DOMAIN}/${name}']`;
}

/** An expression on several lines, without the indentation that it has in the source. */
export function cel(text: string): string {
  const lines = text.replace(/^\n|\n\s*$/g, '').split('\n');
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  return lines.map((line) => line.slice(Math.min(...indents)).trimEnd()).join('\n');
}
