import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Attempt } from './retry-policy.js';

const MAX_BODY_BYTES = 64 * 1024;

/** One POST on a connection of its own, following nothing; resolves however it ends. */
export async function postCallback(
  url: string,
  message: { contentType: string; body: string },
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<Omit<Attempt, 'at'>> {
  const start = performance.now();
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  return new Promise((resolve) => {
    let status: number | null = null;
    const chunks: Buffer[] = [];
    const end = (error: string | null): void => {
      const body = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString();
      resolve({ status: error === null ? status : null, body, durationMs: performance.now() - start, error });
    };
    const fail = (error: NodeJS.ErrnoException): void => {
      const timedOut = signal.aborted && !options.signal.aborted;
      end(timedOut ? 'ETIMEDOUT' : (error.code ?? error.message));
    };
    const headers = {
      accept: '*/*',
      'content-type': message.contentType,
      'content-length': String(Buffer.byteLength(message.body)),
    };
    const outgoing = request(url, { method: 'POST', headers, signal, agent: false }, (incoming) => {
      status = incoming.statusCode ?? null;
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => end(null));
      incoming.on('error', fail);
    });
    outgoing.on('error', fail);
    outgoing.end(message.body);
  });
}
