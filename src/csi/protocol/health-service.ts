import {
  status,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import {
  HealthCheckResponse_ServingStatus as Serving,
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthListRequest,
  type HealthListResponse,
} from './proto/health.pb.ts';

/** The standard service of health: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export interface HealthService {
  readonly check: handleUnaryCall<HealthCheckRequest, HealthCheckResponse>;
  readonly watch: handleServerStreamingCall<HealthCheckRequest, HealthCheckResponse>;
  readonly list: handleUnaryCall<HealthListRequest, HealthListResponse>;
  /** From now on nothing is served. Those who watch are told, and their calls end. */
  stop(): void;
}

/** @param services their full names; the empty one is the server as a whole */
export function createHealthService(services: readonly string[]): HealthService {
  const watchers = new Set<ServerWritableStream<HealthCheckRequest, HealthCheckResponse>>();
  let now: Serving = Serving.SERVING;
  return {
    check({ request: { service } }, callback) {
      if (services.includes(service)) callback(null, { status: now });
      else callback({ code: status.NOT_FOUND, details: 'there is no such service here' });
    },
    watch(call) {
      const isKnown = services.includes(call.request.service);
      call.write({ status: isKnown ? now : Serving.SERVICE_UNKNOWN });
      if (now !== Serving.SERVING) {
        call.end();
        return;
      }
      watchers.add(call);
      call.on('cancelled', () => watchers.delete(call));
    },
    list(_call, callback) {
      callback(null, { statuses: Object.fromEntries(services.map((name) => [name, { status: now }])) });
    },
    stop() {
      now = Serving.NOT_SERVING;
      for (const call of watchers) {
        if (services.includes(call.request.service)) call.write({ status: now });
        call.end();
      }
      watchers.clear();
    },
  };
}
