/** A complete HTTP response, before any fault is applied to it. */
export interface HttpResponse {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** A response with any JSON value as its body. */
export function jsonResponse(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): HttpResponse {
  return textResponse(status, JSON.stringify(value), 'application/json', headers);
}

/** A response with text as its body, sent as UTF-8. */
export function textResponse(
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
  headers: Record<string, string> = {},
): HttpResponse {
  return { status, headers: { 'content-type': contentType, ...headers }, body: Buffer.from(text) };
}
