import { holdsCredential } from '../base/shown-text.ts';

/** What becomes of a value that a tag names: `{{db.password}}`, or `{{db.KEY}}` where no key is known. */
export interface Subject {
  readonly name: string;
  /** All keys of a secret at once. */
  readonly isWhole: boolean;
}

/** What pkiCert calls the keys of its answer. */
const PKI_KEYS: ReadonlyMap<string, string> = new Map([
  ['Key', 'private_key'],
  ['Cert', 'certificate'],
  ['CA', 'issuing_ca'],
]);

/** What is known of a secret besides its keys. */
const METADATA: ReadonlyMap<string, string> = new Map([
  ['LeaseID', '@lease_id'],
  ['LeaseDuration', '@lease_duration'],
  ['metadata.version', '@version'],
]);

/** Whether the steps of a name are, from one on, a credential: a token has dots of its own. */
export function isCredential(name: string): boolean {
  return name.split('.').some((_, index, steps) => holdsCredential(steps.slice(index).join('.')));
}

/** The first field that a tag names, as it is named here. */
export function subjectOf(tag: string, source: string): Subject | undefined {
  const [found, owner = '', path = ''] = /(?<![\w.])(\$?\w*)\.([A-Za-z_][\w.]*)/.exec(tag) ?? [];
  if (found === undefined) return undefined;
  // Without a dot or a dollar in front it is a name as it is written here.
  if (/^\w/.test(owner)) return { name: isCredential(found) ? 'db.KEY' : found, isWhole: false };
  const key = path.replace(/^Data(?:\.data)?(?:\.|$)/, '').replace(/\.$/, '');
  if (isCredential(key)) return { name: 'db.KEY', isWhole: false };
  if (key === '') return { name: 'db', isWhole: true };
  const pkiKey = source.includes('pkiCert') ? PKI_KEYS.get(key) : undefined;
  const name = pkiKey === undefined ? `db.${METADATA.get(key) ?? key}` : `tls.${pkiKey}`;
  return { name, isWhole: false };
}
