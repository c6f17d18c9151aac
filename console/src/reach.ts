/** Nobody answered. Any other TypeError is a mistake of this page. */
export class UnreachableError extends TypeError {}

/**
 * `fetch` of the gateway's API. The browser keeps nothing: it is about people, and for one credential.
 * @throws UnreachableError without a response
 */
export async function reach(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  // Unless given, the browser adds `no-cache`, for which the gateway asks Kigo each time.
  if (!headers.has('cache-control')) headers.set('cache-control', 'max-age=0');
  try {
    return await fetch(input, { ...init, headers, cache: 'no-store' });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UnreachableError(error.message, { cause: error });
  }
}
