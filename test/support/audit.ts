import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** One request as the server's audit log has it. */
export interface AuditedRequest {
  readonly operation: string;
  readonly path: string;
  readonly namespace: string;
  readonly remotePort: number | undefined;
  readonly error: string | undefined;
}

interface AuditEntry {
  readonly type: string;
  readonly error?: string;
  readonly request: {
    readonly operation: string;
    readonly path: string;
    readonly namespace?: { readonly path?: string };
    readonly remote_port?: number;
    readonly headers?: unknown;
  };
}

/** Reads what has been added since the last call, as far as it is complete lines. */
export function createAuditReader(file: string): () => AuditedRequest[] {
  let position = 0;
  return () => {
    const descriptor = openSync(file, 'r');
    try {
      const fresh = Buffer.alloc(fstatSync(descriptor).size - position);
      readSync(descriptor, fresh, 0, fresh.length, position);
      const end = fresh.lastIndexOf('\n') + 1;
      position += end;
      return fresh.toString('utf8', 0, end).split('\n').flatMap(auditedRequest);
    } finally {
      closeSync(descriptor);
    }
  };
}

function auditedRequest(line: string): AuditedRequest[] {
  if (line === '') return [];
  const { type, request, error } = JSON.parse(line) as AuditEntry;
  // What a quota refuses is logged without a response, if `sys/quotas/config` says so.
  if (type !== 'response' && !isRefusedByQuota(error)) return [];
  return [
    {
      operation: request.operation,
      path: request.path,
      namespace: request.namespace?.path ?? '',
      remotePort: request.remote_port,
      error,
    },
  ];
}

export function isRefusedByQuota(error: string | undefined): boolean {
  return error?.includes('quota exceeded') === true;
}
