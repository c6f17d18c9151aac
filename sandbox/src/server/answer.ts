/** A complete HTTP answer, before any fault is played on it. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** An answer with any JSON value as its body. */
export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return textAnswer(status, JSON.stringify(value), 'application/json', headers);
}

/** An answer with text as its body, sent as UTF-8. */
export function textAnswer(
  status: number,
  text: string,
  contentType = 'text/plain; charset=utf-8',
  headers: Record<string, string> = {},
): Answer {
  return { status, headers: { 'content-type': contentType, ...headers }, body: Buffer.from(text) };
}
