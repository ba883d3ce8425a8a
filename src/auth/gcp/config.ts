import { enumeration, literal, object, optional, required, type TypeOf } from '../../shape/definition.ts';
import { secretText, text } from '../../shape/fields.ts';
import { oneOf } from '../../shape/combination.ts';
import { loginFields } from '../common.ts';

const key = oneOf(['credentials', 'credentials_file'], false);

export const fields = object(
  {
    method: required(literal('gcp'), 'With a service account or a machine of Google Cloud.'),
    ...loginFields('gcp'),
    type: required(
      enumeration({
        iam: 'A service account, by its key or by what the machine or workload may sign.',
        gce: 'The identity of the machine.',
      }),
      '`gce`: the identity of the machine. `iam`: a service account, by its key or by what the machine or workload may sign.',
    ),
    role: required(text, 'The role to log in with; it must be of the same type.'),
    service_account: optional(
      text,
      'E-mail of the service account. Default: that of the key, or of the machine (`default`).',
    ),
    credentials: optional(secretText, 'With `type: iam`: the JSON of a credential; better is a file.'),
    credentials_file: optional(
      text,
      'With `type: iam`: file of a service account key or other credential. Default: `$GOOGLE_APPLICATION_CREDENTIALS`, that of gcloud, else the machine.',
    ),
    iam_endpoint: optional(
      text,
      'With `type: iam`: address of the IAM Credentials API. Default: https://iamcredentials.googleapis.com.',
    ),
    metadata_host: optional(
      text,
      'Host and port of the metadata service. Default: `$GCE_METADATA_HOST`, else 169.254.169.254.',
    ),
  },
  [key],
  [
    [
      ({ type, ...config }) =>
        type === 'iam' ||
        (config.credentials ?? config.credentials_file ?? config.iam_endpoint) === undefined,
      '`credentials`, `credentials_file` and `iam_endpoint` are for `type: iam`',
    ],
  ],
);

export type GcpConfig = TypeOf<typeof fields>;
