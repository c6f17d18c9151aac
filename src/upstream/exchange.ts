import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

export interface Response {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class ResponseTooLargeError extends Error {}

/**
 * Sends a request and reads the whole response. For responses of a few kilobytes it costs half of `dispatcher.request`, which makes a
 * stream of each.
 * @param onStart called when the request is about to be written to a connection; before, nobody can have received it
 * @throws ResponseTooLargeError beyond `maxBytes`, the reason of the signal, or what undici throws
 */
export function exchange(
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  { signal, maxBytes, onStart }: { signal: AbortSignal; maxBytes: number; onStart: () => void },
): Promise<Response> {
  return new Promise((resolve, reject) => {
    let start: Omit<Response, 'body'> | undefined;
    const chunks: Buffer[] = [];
    let length = 0;
    let abort: (() => void) | undefined;
    const end = () => abort && signal.removeEventListener('abort', abort);
    dispatcher.dispatch(options, {
      onRequestStart(controller) {
        abort = () => controller.abort(signal.reason as Error);
        if (signal.aborted) return abort();
        signal.addEventListener('abort', abort, { once: true });
        onStart();
      },
      onResponseStart(_, status, headers, statusText = '') {
        // An interim response comes before the one that counts.
        if (status >= 200) start = { status, statusText, headers };
      },
      onResponseData(controller, chunk) {
        length += chunk.length;
        if (length > maxBytes) controller.abort(new ResponseTooLargeError());
        else chunks.push(chunk);
      },
      onResponseEnd() {
        end();
        resolve({ ...start!, body: Buffer.concat(chunks, length) });
      },
      onResponseError(_, error) {
        end();
        reject(error);
      },
    });
  });
}
