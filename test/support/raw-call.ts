import { request } from 'node:http';

/** What a client sees of one call, without a library that decodes, redirects or retries. */
export interface RawCallResult {
  /** Absent when the connection broke before the status line. */
  status?: number;
  headers: Record<string, string | string[] | undefined>;
  /** The bytes on the wire. */
  body: Buffer;
  /** Code of the error that ended the call, such as ECONNRESET. */
  error?: string;
  /** Milliseconds from the start of the call to the headers, and to its end. */
  headMs?: number;
  endMs: number;
}

export interface RawOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  signal?: AbortSignal;
  /** The address of this machine that the call comes from. */
  localAddress?: string;
  /** Sent as it is, in place of the path in the URL. */
  path?: string;
}

/** One call on its own connection; resolves however it ends. */
export async function rawCall(url: string, options: RawOptions = {}): Promise<RawCallResult> {
  const { method = 'GET', headers = {}, body, ...rest } = options;
  const start = performance.now();
  const result: RawCallResult = { headers: {}, body: Buffer.alloc(0), endMs: 0 };
  return new Promise((resolve) => {
    const end = (error?: NodeJS.ErrnoException): void => {
      resolve({ ...result, error: error?.code, endMs: performance.now() - start });
    };
    // Node would send the body of a DELETE without its length.
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = { ...headers, ...length };
    const outgoing = request(url, { method, headers: sent, agent: false, ...rest }, (incoming) => {
      Object.assign(result, {
        status: incoming.statusCode,
        headers: incoming.headers,
        headMs: performance.now() - start,
      });
      incoming.on('data', (chunk: Buffer) => (result.body = Buffer.concat([result.body, chunk])));
      incoming.on('end', () => end());
      incoming.on('error', end);
    });
    outgoing.on('error', end);
    outgoing.end(body);
  });
}
