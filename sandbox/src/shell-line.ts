/** A line that says something, and the command that shows it. */
export type Step = [says: string, command: string];
/** A call to the gateway: path, then further options of curl. */
export type Ask = (path: string, ...options: string[]) => string;

/** A call to curl; the words must be quoted already. */
export function curl(...words: string[]): string {
  return ['curl -s', ...words].join(' ');
}

/** A call to the control API of a vendor or of the wallet. */
export function script(origin: string, method: string, path: string, body?: unknown): string {
  return curl(
    `-X ${method} ${quoted(`${origin}/__sandbox${path}`)}`,
    ...(body ? [`-d ${quotedJson(body)}`] : []),
  );
}

/** Options for a call with a JSON body. */
export function jsonBody(value: unknown): string[] {
  return [`-H ${quoted('Content-Type: application/json')}`, `-d ${quotedJson(value)}`];
}

/** In single quotes, as any POSIX shell reads it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function quotedJson(value: unknown): string {
  return quoted(JSON.stringify(value));
}
