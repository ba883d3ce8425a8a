import { enumeration, literal, object, optional, required, type TypeOf } from '../../shape/definition.ts';
import { secretText, text } from '../../shape/fields.ts';
import { oneOf } from '../../shape/combination.ts';
import { loginFields, pathSegment } from '../common.ts';

const passphrase = oneOf(['passphrase', 'passphrase_file'], false);

export const fields = object(
  {
    method: required(literal('oci'), 'With a key or a machine of Oracle Cloud.'),
    ...loginFields('oci'),
    type: required(
      enumeration({ apikey: 'A user, by a signing key.', instance: 'The principal of the machine.' }),
      '`instance`: the principal of the machine. `apikey`: a user, by a signing key.',
    ),
    role: required(pathSegment, 'The role to log in with.'),
    config_file: optional(
      text,
      'With `type: apikey`: file of profiles. Default: the variables `$OCI_tenancy_ocid` and so on, else `$OCI_CONFIG_FILE`, else ~/.oci/config.',
    ),
    profile: optional(text, 'Profile of that file. Default: DEFAULT.'),
    tenancy_ocid: optional(text, 'With `type: apikey`, instead of a profile: the tenancy.'),
    user_ocid: optional(text, 'The user.'),
    fingerprint: optional(text, 'The fingerprint of the key.'),
    private_key_file: optional(text, 'File of the key.'),
    passphrase: optional(secretText, 'Passphrase of the key; better is a file.'),
    passphrase_file: optional(
      text,
      'File that holds the passphrase. Only a line break at its end is left out; blanks are a part of it.',
    ),
    metadata_endpoint: optional(
      text,
      'With `type: instance`: address of the metadata service. Default: `$OCI_METADATA_BASE_URL`, else http://169.254.169.254/opc/v2.',
    ),
    federation_endpoint: optional(
      text,
      'With `type: instance`: address that gives tokens to machines. Default: that of the region.',
    ),
  },
  [passphrase],
  [
    [
      (config) => {
        const fields = [config.tenancy_ocid, config.user_ocid, config.fingerprint, config.private_key_file];
        const given = fields.filter((field) => field !== undefined).length;
        return given === 0 || (given === fields.length && config.type === 'apikey');
      },
      '`tenancy_ocid`, `user_ocid`, `fingerprint` and `private_key_file` go together, with `type: apikey`',
    ],
  ],
);

export type OciConfig = TypeOf<typeof fields>;
