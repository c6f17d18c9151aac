import { OPERATIONS } from './operations.js';
import type { CallOptions } from './options.js';
import type { OperationName } from './types.js';

export interface GatewayRequest {
  readonly url: string;
  readonly init: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  /** Whether it may be sent again although it may have arrived. */
  readonly repeatable: boolean;
}

/** Without an effect that a second request could repeat. */
const REPEATABLE: ReadonlySet<OperationName> = new Set(['batchGetUnviewedCounts', 'refreshUnviewedCounts']);

export function toRequest(
  baseUrl: string,
  name: OperationName,
  { body, ...parameters }: Record<string, unknown>,
  options: CallOptions,
): GatewayRequest {
  const { method, path, keyed } = OPERATIONS[name] as { method: string; path: string; keyed?: true };
  const inPath = new Set<string>();
  const filledPath = path.replace(/\{(\w+)\}/g, (_, key: string) => {
    inPath.add(key);
    return encodeURIComponent(String(parameters[key]));
  });
  const query = new URLSearchParams(
    Object.entries(parameters)
      .filter(([key, value]) => value !== undefined && !inPath.has(key))
      .map(([key, value]): [string, string] => [key, String(value)]),
  );
  const search = query.size > 0 ? `?${query.toString()}` : '';
  const { requestId, traceparent, idempotencyKey = crypto.randomUUID() } = options;
  return {
    url: `${baseUrl.replace(/\/+$/, '')}${filledPath}${search}`,
    init: {
      method,
      headers: {
        accept: 'application/json, application/problem+json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(keyed && { 'idempotency-key': idempotencyKey }),
        ...(requestId !== undefined && { 'x-request-id': requestId }),
        ...(traceparent !== undefined && { traceparent }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    },
    repeatable: method === 'GET' || keyed === true || REPEATABLE.has(name),
  };
}
