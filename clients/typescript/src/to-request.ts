import { OPERATIONS } from './operations.js';
import type { CallOptions } from './options.js';
import type { OperationName } from './types.js';

export interface GatewayRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body?: string;
  /** Whether it may be sent again although it may have arrived. */
  readonly repeatable: boolean;
  readonly idempotencyKey?: string;
}

/** Without an effect that a second request could repeat. */
const REPEATABLE: ReadonlySet<OperationName> = new Set(['batchGetUnviewedCounts', 'refreshUnviewedCounts']);

/** @throws RangeError or TypeError for what cannot be sent */
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
    return toSegment(key, parameters[key]);
  });
  const query = new URLSearchParams(
    Object.entries(parameters)
      .filter(([key, value]) => value !== undefined && !inPath.has(key))
      .map(([key, value]): [string, string] => [key, String(value)]),
  );
  const search = query.size > 0 ? `?${query.toString()}` : '';
  const { requestId, traceparent } = options;
  const headers = new Headers(options.headers);
  const idempotencyKey = keyed && toKey(options.idempotencyKey ?? headers.get('idempotency-key'));
  headers.set('accept', 'application/json, application/problem+json');
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey);
  if (requestId !== undefined) headers.set('x-request-id', requestId);
  if (traceparent !== undefined) headers.set('traceparent', traceparent);
  return {
    url: `${baseUrl.replace(/\/+$/, '')}${filledPath}${search}`,
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    repeatable: method === 'GET' || keyed === true || REPEATABLE.has(name),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
}

/** URLs drop empty and dotted segments: the request would be another one. */
function toSegment(key: string, value: unknown): string {
  const segment = (value as string | undefined) ?? '';
  if (['', '.', '..'].includes(segment))
    throw new RangeError(`${key} must have a value other than "." and "..".`);
  return encodeURIComponent(segment);
}

function toKey(given: string | null): string {
  if (given !== null && !/^[\x21-\x7e]{1,255}$/.test(given))
    throw new RangeError('idempotencyKey must be 1 to 255 visible ASCII characters.');
  // Pages without TLS have no randomUUID().
  return given ?? crypto.getRandomValues(new BigUint64Array(2)).join('-');
}
