import { RunError, type Failure } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import { shownName } from '../../base/shown-text.ts';
import { GoDecoder } from './go-decode.ts';
import { firstDocument, NoYaml, type YamlNode } from './yaml-nodes.ts';

/** An entry of `objects`. A text that is not given is empty. */
export interface VaultObject {
  /** For messages: `objects[2] (password), line 7`. */
  readonly where: string;
  /** The file, below the root of the volume. */
  readonly objectName: string;
  /** As written. */
  readonly secretPath: string;
  readonly secretKey: string;
  readonly method: string;
  /** A JSON object as Go writes it. */
  readonly secretArgs: Secret | undefined;
  /** As decoded: bits above the permission bits are kept. 0: not given. */
  readonly filePermission: number;
  readonly encoding: string;
}

export interface ObjectList {
  readonly objects: readonly VaultObject[];
  readonly failures: readonly Failure[];
}

const EXAMPLE =
  'list what to read: `- { objectName: password, secretPath: secret/data/app, secretKey: password }`';

/** The entries of `objects` as yaml.v3 decodes them into the structure of vault-csi-provider 1.7.4, which ignores other keys. */
export function readObjects(text: string): ObjectList {
  const root = documentOf(text);
  if (root instanceof RunError) return { objects: [], failures: root.failures };
  if (root === undefined || isNull(root)) return { objects: [], failures: [] };
  if (root.kind !== 'sequence') {
    const where = `objects, line ${String(root.line)}`;
    return {
      objects: [],
      failures: [{ kind: 'config', message: '`objects` is not a list', where, hint: EXAMPLE }],
    };
  }
  const read = root.items.flatMap((item, index) => (isNull(item) ? [] : [readObject(item, index)]));
  return {
    objects: read.flatMap(({ object }) => object ?? []),
    failures: read.flatMap(({ failures }) => failures),
  };
}

/** The failure of a class that names nothing to read. */
export function nothingToRead(): Failure {
  return { kind: 'config', message: '`objects` is missing or empty', where: 'objects', hint: EXAMPLE };
}

function documentOf(text: string): YamlNode | undefined | RunError {
  try {
    return firstDocument(text);
  } catch (error) {
    if (!(error instanceof NoYaml)) throw error;
    const { message, line } = error;
    return new RunError('config', `\`objects\` is not valid YAML: ${message}`, {
      where: line === undefined ? 'objects' : `objects, line ${String(line)}`,
      hint: 'the mistake may be just before this place; quote texts that contain `: ` or ` #`, or start with a special character',
    });
  }
}

function isNull(node: YamlNode): boolean {
  if (node.kind !== 'scalar' || node.isQuoted) return false;
  return ['', '!', '!!null'].includes(node.tag) && ['', '~', 'null', 'Null', 'NULL'].includes(node.text);
}

function readObject(
  item: YamlNode,
  index: number,
): { readonly object?: VaultObject; readonly failures: readonly Failure[] } {
  const place = `objects[${String(index)}]`;
  if (item.kind !== 'mapping') {
    const where = `${place}, line ${String(item.line)}`;
    return { failures: [{ kind: 'config', message: 'the object is not a map', where, hint: EXAMPLE }] };
  }
  const decoder = new GoDecoder();
  const entries = decoder.entries(item, 'the object');
  const textAt = (name: string): string => {
    const node = entries.get(name);
    return node === undefined ? '' : (decoder.text(node, `\`${name}\``) ?? '');
  };
  const [args, mode] = [entries.get('secretArgs'), entries.get('filePermission')];
  const json = args === undefined ? undefined : decoder.args(args, '`secretArgs`');
  const objectName = textAt('objectName');
  const named = `${place}${shownInBrackets(objectName)}`;
  const object = {
    where: `${named}, line ${String(item.line)}`,
    objectName,
    secretPath: textAt('secretPath'),
    secretKey: textAt('secretKey'),
    method: textAt('method'),
    secretArgs: json === undefined ? undefined : new Secret(json),
    filePermission: mode === undefined ? 0 : (decoder.mode(mode, '`filePermission`') ?? 0),
    encoding: textAt('encoding'),
  };
  const failures = decoder.problems.map(({ line, message, hint }): Failure => ({
    kind: 'config',
    message,
    where: `${named}, line ${String(line)}`,
    hint,
  }));
  return { object, failures };
}

/** Nothing of a name that may not be shown. */
function shownInBrackets(name: string): string {
  return name !== '' && shownName(name) === name ? ` (${name})` : '';
}
