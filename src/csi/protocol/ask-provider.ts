import { credentials, makeGenericClientConstructor, status, type ServiceError } from '@grpc/grpc-js';
import { CSIDriverProviderService as Methods, protobufPackage } from './proto/service.pb.ts';

const LIMIT_MS = 2000;
/** What is said for a provider that does not answer. */
const SILENT: readonly status[] = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED];

const Client = makeGenericClientConstructor(Methods, 'CSIDriverProvider');

/** Whether a provider answers at a socket, as the driver would ask it; any answer counts. */
export async function providerAnswers(path: string): Promise<boolean> {
  const options = { 'grpc.enable_http_proxy': 0, 'grpc.enable_channelz': 0, 'grpc.enable_retries': 0 };
  const client = new Client(`unix:${path}`, credentials.createInsecure(), options);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const { requestSerialize, responseDeserialize, path: method } = Methods.version;
  client.makeUnaryRequest(
    method,
    requestSerialize,
    responseDeserialize,
    { version: protobufPackage },
    { deadline: Date.now() + LIMIT_MS },
    (error: ServiceError | null) => {
      resolve(error === null || !SILENT.includes(error.code));
    },
  );
  try {
    return await promise;
  } finally {
    client.close();
  }
}
