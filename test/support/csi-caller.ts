import {
  credentials,
  makeGenericClientConstructor,
  status,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { HealthService, type HealthCheckResponse } from '../../src/csi/protocol/proto/health.pb.ts';
import {
  CSIDriverProviderService,
  type MountRequest,
  type MountResponse,
} from '../../src/csi/protocol/proto/service.pb.ts';

const Client = makeGenericClientConstructor(CSIDriverProviderService, 'any');

/** What a call ended with. */
export interface Ended<Answer> {
  readonly code: status;
  readonly details: string;
  readonly answer: Answer | undefined;
  /** Whether the answer had begun before its status: the driver then repeats nothing. */
  readonly isCommitted: boolean;
}

/** The pod of the requests. */
export const POD = { name: 'web-1', uid: '0b6a8c', namespace: 'shop', account: 'web' };

/** A request as the driver makes it: measured, see sigs.k8s.io/secrets-store-csi-driver 1.6.0. */
export function mountRequest(
  parameters: Readonly<Record<string, string>>,
  own: Partial<MountRequest> = {},
): MountRequest {
  const attributes = {
    secretProviderClass: 'web',
    'csi.storage.k8s.io/pod.name': POD.name,
    'csi.storage.k8s.io/pod.uid': POD.uid,
    'csi.storage.k8s.io/pod.namespace': POD.namespace,
    'csi.storage.k8s.io/serviceAccount.name': POD.account,
    'csi.storage.k8s.io/ephemeral': 'true',
    ...parameters,
  };
  return {
    attributes: JSON.stringify(attributes),
    secrets: 'null',
    targetPath: `/var/lib/kubelet/pods/${POD.uid}/volumes/kubernetes.io~csi/secrets/mount`,
    permission: '420',
    currentObjectVersion: [],
    ...own,
  };
}

/** Calls a provider as the driver does, without its repetitions. */
export function createCaller(path: string) {
  const client = new Client(`unix:${path}`, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.default_authority': 'localhost',
    'grpc.max_receive_message_length': -1,
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.use_local_subchannel_pool': 1,
  });
  const unary = async <Request, Answer>(
    method: {
      readonly path: string;
      readonly requestSerialize: (request: Request) => Buffer;
      readonly responseDeserialize: (bytes: Buffer) => Answer;
    },
    request: Request,
    { limitMs, onCall }: { readonly limitMs?: number; readonly onCall?: (cancel: () => void) => void } = {},
  ): Promise<Ended<Answer>> => {
    const { promise, resolve } = Promise.withResolvers<Ended<Answer>>();
    let isCommitted = false;
    const call = client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      limitMs === undefined ? {} : { deadline: Date.now() + limitMs },
      (error: ServiceError | null, answer?: Answer) => {
        const { code, details } = error ?? { code: status.OK, details: '' };
        // Metadata and status are told in the same turn.
        setImmediate(() => {
          resolve({ code, details, answer, isCommitted });
        });
      },
    );
    call.on('metadata', () => {
      isCommitted = true;
    });
    onCall?.(() => {
      call.cancel();
    });
    return await promise;
  };
  const { mount, version } = CSIDriverProviderService;
  const { check, list, watch } = HealthService;
  return {
    unary,
    mount: (request: MountRequest, options?: Parameters<typeof unary>[2]): Promise<Ended<MountResponse>> =>
      unary(mount, request, options),
    version: () => unary(version, { version: 'v1alpha1' }),
    check: (service: string) => unary(check, { service }),
    list: () => unary(list, {}),
    watch: (service: string): ClientReadableStream<HealthCheckResponse> =>
      client.makeServerStreamRequest(watch.path, watch.requestSerialize, watch.responseDeserialize, {
        service,
      }),
    close(): void {
      client.close();
    },
  };
}

export type Caller = ReturnType<typeof createCaller>;
