import type { KeyObject } from 'node:crypto';
import { oneOf } from '../shape/combination.ts';
import { object, optional, type TypeOf } from '../shape/definition.ts';
import { reference, secretText, text } from '../shape/fields.ts';
import type { Ref } from '../shape/ref.ts';
import { absent, chooseParts, noCertificate } from './certificate-parts.ts';
import type { Format, FormatProblem, InputSource, Later } from './format.ts';
import { partsOption, type Part } from './parts.ts';
import type { KeystoreEntries } from './pkcs12/keystore.ts';

const PASSWORDS = ['password', 'password_file', 'password_value'];

/** Readers encode others differently: UTF-16 for the seal and UTF-8 for the content; Java takes ASCII alone. */
const PASSWORD = /^[\x20-\x7e]+$/;

const BAD_PASSWORD: FormatProblem = {
  key: 'password',
  reason: 'must be ASCII text: readers understand other characters differently',
  hint: 'choose another password',
};

const options = object(
  {
    parts: partsOption,
    password: optional(secretText, 'the password of the key store; better is a file or a value of a secret.'),
    password_file: optional(
      text,
      'file that holds the password. Only a line break at its end is left out; blanks are a part of it.',
    ),
    password_value: optional(reference, 'the password is this value, by reference: `path#key`, `name#key`.'),
    friendly_name: optional(text, 'the name of the entry, which Java calls its alias. Default: none.'),
  },
  [
    oneOf(
      PASSWORDS,
      true,
      '`format: pkcs12` needs exactly one of `password`, `password_file`, `password_value`',
    ),
  ],
  [
    [
      ({ parts = [] }) => !parts.includes('key') || parts.includes('certificate'),
      'a key needs its `certificate` in `parts`',
    ],
    [
      ({ password }) => password === undefined || PASSWORD.test(password.reveal()),
      `\`password\` ${BAD_PASSWORD.reason}`,
    ],
  ],
);

type Options = TypeOf<typeof options>;

/**
 * A key store (RFC 7292) of a secret as pki issues it: certificate, chain and key, or certificates alone, which Java then
 * trusts. The same content, name and password always give the same file.
 */
export const pkcs12: Format<Options, Later> = {
  name: 'pkcs12',
  about: 'A PKCS #12 key store, as for Java.',
  target: 'file',
  options,
  inputs: (chosen) => [{ name: 'password', what: 'the password of the key store', source: sourceOf(chosen) }],
  render(values, { parts, friendly_name: friendlyName }, { inputs }) {
    const problems: FormatProblem[] = [];
    const chosen = chooseParts(values, parts);
    if ('problems' in chosen) problems.push(...chosen.problems);
    else if (parts === undefined) problems.push(...missingPair(chosen.blocks));
    const password = inputs?.get('password')?.reveal() ?? '';
    if (!PASSWORD.test(password)) problems.push(BAD_PASSWORD);
    if ('problems' in chosen || problems.length > 0) return { problems };
    const entries = entriesOf(chosen.blocks, problems);
    if (problems.length > 0) return { problems };
    // The library is large, and few need it.
    const content: Later = async () => {
      const { encodeKeystore } = await import('./pkcs12/keystore.ts');
      return encodeKeystore(entries, password, friendlyName);
    };
    return { files: [{ name: undefined, content }] };
  },
};

function sourceOf({ password, password_file: path, password_value: value }: Options): InputSource<Ref> {
  if (password !== undefined) return { kind: 'given', secret: password };
  if (value !== undefined) return { kind: 'value', value };
  // The rules have made sure that there is one.
  return { kind: 'file', path: path ?? '' };
}

/** A store without its key would be one of trusted certificates, and nobody has asked for that. */
function missingPair(blocks: ReadonlyMap<Part, readonly string[]>): FormatProblem[] {
  return (['certificate', 'key'] as const)
    .filter((part) => (blocks.get(part) ?? []).length === 0)
    .map((part) => ({ ...absent(part), hint: 'for a store of trusted certificates name them in `parts`' }));
}

/** The leaf comes first, whatever order `parts` has: it is the one that the key belongs to. */
function entriesOf(blocks: ReadonlyMap<Part, readonly string[]>, problems: FormatProblem[]): KeystoreEntries {
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  const of = (part: Part): readonly string[] => blocks.get(part) ?? [];
  const key = privateKeyOf(of('key'), problems);
  const unique = new Set([...of('certificate'), ...of('chain'), ...of('root')]);
  const certificates = [...unique].flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      problems.push(noCertificate(of('certificate').includes(block) ? 'certificate' : 'ca_chain'));
      return [];
    }
  });
  if (key !== undefined && certificates[0]?.checkPrivateKey(key) === false) {
    problems.push({
      key: 'private_key',
      reason: 'does not belong to the certificate',
      hint: 'take both from one secret: each request to pki issues a new pair',
    });
  }
  return {
    certificates: certificates.map(({ raw }) => raw),
    key: key?.export({ type: 'pkcs8', format: 'der' }),
  };
}

function privateKeyOf(blocks: readonly string[], problems: FormatProblem[]): KeyObject | undefined {
  if (blocks.length === 0) return undefined;
  try {
    return process.getBuiltinModule('node:crypto').createPrivateKey(blocks.join('\n'));
  } catch {
    problems.push({
      key: 'private_key',
      reason: 'is not a private key that can be read',
      hint: 'it must not be encrypted, and of a kind that OpenSSL knows',
    });
    return undefined;
  }
}
