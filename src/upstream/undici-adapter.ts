import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import axios, { AxiosError } from 'axios';
import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import type { Dispatcher, Pool } from 'undici';
import { traceHeaders } from '../tracing/span.js';
import type { OutgoingBody } from './tracked-body.js';
import { readRetryAfter } from './retry-after.js';
import { UpstreamError } from './upstream-error.js';
import type { UpstreamFailure, Vendor } from './upstream-error.js';

/** No answer of a vendor is anywhere near this; more is a fault or an attack. */
export const maxAnswerBytes = 1024 * 1024;

const decompress = promisify(gunzip);

/**
 * Sends one axios request through an undici pool. Redirects are not followed; the body arrives as text.
 * @throws AxiosError whose `cause` is the UpstreamError that it stands for: axios interceptors need its `config`
 */
export async function sendThroughUndici(
  pool: Pool,
  vendor: Vendor,
  config: InternalAxiosRequestConfig,
  body: OutgoingBody | undefined,
  signal: AbortSignal,
): Promise<AxiosResponse<string>> {
  const operation = config.operation ?? 'call';
  const fail = (...reason: Reason): never => {
    throw axiosError(config, new UpstreamError(vendor, operation, ...reason));
  };
  let answer: Dispatcher.ResponseData;
  let data: string;
  try {
    answer = await pool.request({
      path: pathOf(config),
      method: (config.method ?? 'get').toUpperCase(),
      headers: {
        ...(config.headers.toJSON() as Record<string, string>),
        'accept-encoding': 'gzip',
        ...traceHeaders(),
        ...(body && { 'content-length': String(body.length) }),
      },
      // Undici takes any AsyncIterable (docs/api/Dispatcher.md); its types know of streams alone.
      body: (body as Readable | undefined) ?? null,
      signal,
    });
    data = await readBody(answer);
  } catch (error) {
    if (error instanceof BodyError) return fail('invalid-answer', error.message);
    const neverSent = body?.taken === false;
    return fail('unreachable', `the connection failed (${codeOf(error)})`, { neverSent });
  }
  const { statusCode: status } = answer;
  if (config.validateStatus?.(status) === false) {
    const retryAfterSeconds = readRetryAfter(headerOf(answer, 'retry-after'));
    return fail(failureOf(status), `answered with status ${status}`, { status, retryAfterSeconds });
  }
  return { data, status, statusText: answer.statusText, headers: {}, config };
}

function failureOf(status: number): UpstreamFailure {
  if (status === 429 || status === 503) return 'busy';
  return status === 401 ? 'credentials-refused' : 'status';
}

type Reason =
  ConstructorParameters<typeof UpstreamError> extends [Vendor, string, ...infer Rest] ? Rest : never;

export function axiosError(config: InternalAxiosRequestConfig, cause: UpstreamError): Error {
  const error = new AxiosError(cause.message, cause.failure, config);
  error.cause = cause;
  return error;
}

function pathOf(config: InternalAxiosRequestConfig): string {
  // getUri also appends `params`; everything that varies is percent-encoded by axios or by the caller.
  const { pathname, search } = new URL(axios.getUri(config));
  return pathname + search;
}

class BodyError extends Error {}

async function readBody(answer: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (length > maxAnswerBytes) throw new BodyError('the answer is larger than 1 MiB');
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks, length);
  const encoding = headerOf(answer, 'content-encoding') ?? 'identity';
  if (encoding === 'identity' || length === 0) return bytes.toString('utf8');
  if (encoding !== 'gzip') throw new BodyError('the answer is encoded in a way that was not asked for');
  try {
    return (await decompress(bytes, { maxOutputLength: maxAnswerBytes })).toString('utf8');
  } catch {
    throw new BodyError('the answer cannot be decompressed, or is larger than 1 MiB');
  }
}

function headerOf(answer: Dispatcher.ResponseData, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'unknown';
}
