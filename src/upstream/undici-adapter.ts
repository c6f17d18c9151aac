import { AxiosError } from 'axios';
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { Dispatcher } from 'undici';
import { decodeUtf8 } from '../config/utf8.js';
import { traceHeaders } from '../tracing/span.js';
import { decodeContent } from './content-coding.js';
import { exchange, ResponseTooLargeError } from './exchange.js';
import type { Response } from './exchange.js';
import { parseRetryAfter } from './retry-after.js';
import type { TrackedBody } from './tracked-body.js';
import { UpstreamError } from './upstream-error.js';
import type { Upstream, UpstreamFailure } from './upstream-error.js';

/** No valid response comes near this size. A larger one is a fault or an attack. */
const MAX_RESPONSE_BYTES = 1024 * 1024;
const HEADERS = { Accept: 'application/json', 'User-Agent': 'rewards-gateway', 'Accept-Encoding': 'gzip' };
const JSON_HEADERS = { 'Content-Type': 'application/json' };

/**
 * Sends one axios request through undici. Redirects are not followed, and the body is returned as a string.
 * @throws AxiosError with the UpstreamError as its `cause`, because axios interceptors need its `config`
 */
export async function sendThroughUndici(
  dispatcher: Dispatcher,
  { origin, basePath }: Target,
  upstream: Upstream,
  config: InternalAxiosRequestConfig,
  body: TrackedBody,
  signal: AbortSignal,
): Promise<AxiosResponse<string>> {
  const fail = (...args: UpstreamErrorArgs): never => {
    throw toAxiosError(config, new UpstreamError(upstream, config.operation, ...args));
  };
  let response: Response;
  let bytes: Buffer;
  try {
    response = await exchange(
      dispatcher,
      {
        origin,
        path: basePath + config.url!,
        method: (config.method ?? 'get').toUpperCase(),
        headers: {
          // What interceptors have set.
          ...(config.headers.toJSON() as Record<string, string>),
          ...HEADERS,
          ...(body.bytes && JSON_HEADERS),
          ...traceHeaders(),
        },
        body: body.bytes,
      },
      { signal, maxBytes: MAX_RESPONSE_BYTES, onStart: () => body.markSent() },
    );
    bytes = isEncoded(response) ? await decodeBody(response) : response.body;
  } catch (error) {
    if (error instanceof ResponseTooLargeError)
      return fail('invalid_response', 'the response is larger than 1 MiB');
    if (error instanceof ResponseBodyError) return fail('invalid_response', error.message);
    if (isUnasked100(error)) return fail('invalid_response', 'sent 100 Continue, which was not asked for');
    return fail('unreachable', `the connection failed (${toErrorCode(error)})`, {
      neverSent: !body.sent,
    });
  }
  const { status } = response;
  if (config.validateStatus?.(status) === false) {
    const { 'retry-after': retryAfter, date } = response.headers;
    const retryAfterSeconds = parseRetryAfter([retryAfter].flat()[0], [date].flat()[0]);
    return fail(toFailure(status), `responded with status ${status}`, { status, retryAfterSeconds });
  }
  let data: string;
  try {
    data = decodeUtf8(bytes);
  } catch {
    return fail('invalid_response', 'the response is not UTF-8');
  }
  return { data, status, statusText: response.statusText, headers: {}, config };
}

function toFailure(status: number): UpstreamFailure {
  if (status === 429 || status === 503) return 'busy';
  return status === 401 ? 'credentials_rejected' : 'status';
}

type UpstreamErrorArgs =
  ConstructorParameters<typeof UpstreamError> extends [Upstream, string, ...infer Rest] ? Rest : never;

export function toAxiosError(config: InternalAxiosRequestConfig, cause: UpstreamError): Error {
  const error = new AxiosError(cause.message, cause.failure, config);
  error.cause = cause;
  return error;
}

/** Where the paths of calls are appended, in which the caller percent-encodes everything that varies. */
export interface Target {
  readonly origin: string;
  readonly basePath: string;
}

export function toTarget(baseUrl: string): Target {
  const { origin, pathname } = new URL(baseUrl);
  return { origin, basePath: pathname.replace(/\/+$/, '') };
}

/** RFC 9110, 15.2: a client must be able to pass over it. Undici passes over all other 1xx, and ends the connection after this one. */
function isUnasked100(error: unknown): boolean {
  return (
    error instanceof Error && toErrorCode(error) === 'UND_ERR_SOCKET' && error.message === 'bad response'
  );
}

class ResponseBodyError extends Error {}

function isEncoded({ body, headers }: Response): boolean {
  return headers['content-encoding'] !== undefined && body.length > 0;
}

async function decodeBody({ body, headers }: Response): Promise<Buffer> {
  const encodings = [headers['content-encoding']!].flat();
  const decoded = await decodeContent(body, encodings, MAX_RESPONSE_BYTES).catch(() => {
    throw new ResponseBodyError('the response cannot be decompressed or is larger than 1 MiB');
  });
  if (!decoded) throw new ResponseBodyError('the response has an unsupported content encoding');
  return decoded;
}

function toErrorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9][A-Z0-9_]*$/.test(code) ? code : 'unknown';
}
