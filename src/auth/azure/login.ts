import { isJsonObject, type JsonObject } from '../../base/lossless-json.ts';
import type { Secret } from '../../base/secret.ts';
import { AbsentCredential } from '../../host/credential-files.ts';
import { askMetadata, objectIn } from '../metadata.ts';
import { loginPath } from '../login-mounts.ts';
import type { AuthIo, LoginRequest } from '../method.ts';
import type { AzureConfig } from './config.ts';
import { machineToken, metadataService, WHAT } from './machine.ts';
import { platformToken } from './platform.ts';
import { workloadToken } from './workload.ts';

/** The fields that say where the caller runs, and where the metadata service has them. */
const PLACE = {
  subscription_id: 'subscriptionId',
  resource_group_name: 'resourceGroupName',
  vm_name: 'name',
  vmss_name: 'vmScaleSetName',
} as const;
type Place = Partial<Record<keyof typeof PLACE | 'resource_id', string>>;

/**
 * Posts an access token of Microsoft Entra, and where the caller runs. The token is that of the workload (AKS), else of the
 * platform (App Service, Container Apps, Functions), else of the machine: the order of Azure's own SDKs.
 */
export async function azureLogin(config: AzureConfig, io: AuthIo): Promise<LoginRequest> {
  const elsewhere = workloadToken(config, io) ?? platformToken(config, io);
  const jwt: Secret = await (elsewhere ?? machineToken(config, io));
  // A pod or an app is not a machine, even if it can see the one that it runs on.
  const machine = elsewhere === undefined && !saysPlace(config) ? await machinePlace(config, io) : {};
  const body = { role: config.role, jwt, ...machine, ...placeOf(config) };
  return { kind: 'login', path: loginPath(config), body, jwt };
}

function saysPlace({ vm_name, vmss_name, resource_id }: AzureConfig): boolean {
  return (vm_name ?? vmss_name ?? resource_id) !== undefined;
}

function placeOf(config: AzureConfig): Place {
  const names = [...(Object.keys(PLACE) as (keyof typeof PLACE)[]), 'resource_id'] as const;
  return Object.fromEntries(
    names.flatMap((name) => (config[name] === undefined ? [] : [[name, config[name]]])),
  );
}

/** https://learn.microsoft.com/en-us/azure/virtual-machines/instance-metadata-service */
async function machinePlace(config: AzureConfig, io: AuthIo): Promise<Place> {
  const compute = await computeOf(config, io);
  const found = Object.entries(PLACE).flatMap(([name, field]) => {
    const value = compute[field];
    return typeof value === 'string' && value !== '' ? [[name, value]] : [];
  });
  return Object.fromEntries(found) as Place;
}

async function computeOf(config: AzureConfig, io: AuthIo): Promise<JsonObject> {
  try {
    const service = metadataService(config, io);
    const answer = await askMetadata(
      { ...service, url: `${service.url}/metadata/instance?api-version=2021-02-01` },
      io,
    );
    const compute = answer.status === 200 ? objectIn(answer, WHAT)['compute'] : undefined;
    return isJsonObject(compute) ? compute : {};
  } catch (error) {
    // Pod identity has tokens only. A role that binds no place does without; another one says what it misses.
    if (error instanceof AbsentCredential) return {};
    throw error;
  }
}
