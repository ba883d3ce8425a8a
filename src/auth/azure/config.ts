import { literal, object, optional, required, withDefault, type TypeOf } from '../../shape/definition.ts';
import { text } from '../../shape/fields.ts';
import { oneOf } from '../../shape/combination.ts';
import { loginFields } from '../common.ts';

const identity = oneOf(['client_id', 'object_id'], false);

export const fields = object(
  {
    method: required(literal('azure'), 'With a managed identity or a workload of Azure.'),
    ...loginFields('azure'),
    role: required(text, 'The role to log in with.'),
    resource: withDefault(
      text,
      'https://management.azure.com/',
      'What the token is for: the `resource` of the mount.',
    ),
    client_id: optional(
      text,
      'The client id of a user-assigned identity, or of the workload. Default: the identity of the system; `$AZURE_CLIENT_ID`.',
    ),
    object_id: optional(text, 'The object id of a user-assigned identity, instead of its client id.'),
    subscription_id: optional(text, 'Default: that of the machine.'),
    resource_group_name: optional(text, 'Default: that of the machine.'),
    vm_name: optional(text, 'Default: the name of the machine.'),
    vmss_name: optional(text, 'Default: the scale set of the machine, if it is in one.'),
    resource_id: optional(text, 'The full id of a resource that is not a machine.'),
    metadata_endpoint: optional(
      text,
      'Address of the metadata service. Default: `$AZURE_POD_IDENTITY_AUTHORITY_HOST`, else http://169.254.169.254.',
    ),
  },
  [identity],
);

export type AzureConfig = TypeOf<typeof fields>;
