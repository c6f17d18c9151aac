import { toRequest } from '../../../clients/typescript/src/to-request.js';
import type { CallOptions, Input, OperationName } from '../../../clients/typescript/src/index.js';
import { PAGE_URL, consoleConfig } from '../config.js';
import type { SandboxUrls } from '../config.js';
import { reach } from '../reach.js';
import { currentToken } from '../session.js';

export const PARTIES = { gateway: 'Gateway', kigo: 'Kigo', kiip: 'Kiip', wallet: 'Wallet', redis: 'Redis' };
export type Party = keyof typeof PARTIES;

/** A request that is sent as it is shown, and as its curl command sends it. */
export interface PlayRequest {
  readonly to: Party;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface PlayResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A call of the documented API. */
export function apiRequest<N extends OperationName>(
  name: N,
  input: Input<N>,
  options: CallOptions = {},
): PlayRequest {
  const { url, method, headers, body } = toRequest(PAGE_URL, name, input, options);
  headers.delete('accept');
  headers.set('authorization', `Bearer ${currentToken()}`);
  return {
    to: 'gateway',
    method,
    url,
    headers: Object.fromEntries(headers),
    ...(body !== undefined && { body }),
  };
}

/** A call of a control API, whose JSON needs no content type. */
export function controlRequest(
  to: keyof SandboxUrls,
  method: string,
  path: string,
  body?: unknown,
): PlayRequest {
  const url = `${consoleConfig().sandbox![to]!}/__sandbox${path}`;
  return { to, method, url, headers: {}, ...(body !== undefined && { body: JSON.stringify(body) }) };
}

/** @throws TypeError when nobody answers, or the sandbox does not know this page */
export async function send(request: PlayRequest, signal?: AbortSignal): Promise<PlayResponse> {
  const { to, method, url, headers, body } = request;
  // The sandbox allows no more headers than these.
  const response = await (to === 'gateway' ? reach : fetch)(url, {
    method,
    headers,
    cache: 'no-store',
    ...(body !== undefined && { body }),
    ...(signal && { signal }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** The control APIs know this page by its address. */
export const WHERE = 'Is the sandbox still running, and is this page at the address that it printed?';

/** What a control API has. */
export async function read<T>(to: keyof SandboxUrls, path: string, signal?: AbortSignal): Promise<T> {
  const { status, text } = await send(controlRequest(to, 'GET', path), signal).catch((error: unknown) => {
    if (!(error instanceof TypeError)) throw error;
    throw new Error(`The simulated ${PARTIES[to]} does not answer. ${WHERE}`, { cause: error });
  });
  if (status !== 200) throw new Error(`${PARTIES[to]} answers ${status}: ${text}`);
  return JSON.parse(text) as T;
}

/** As text, without the credential. */
export function written({ method, url, headers, body = '' }: PlayRequest): string {
  const shown = Object.entries(headers).filter(([name]) => name !== 'authorization');
  const lines = [`${method} ${publicUrl(url)}`, ...shown.map((header) => header.join(': ')), body];
  return lines.join('\n').trim();
}

/** To paste into a shell. It is for tickets as well: without the credential. */
export function curl({ method, url, headers, body }: PlayRequest): string {
  const isUsual = method === (body === undefined ? 'GET' : 'POST');
  return [
    'curl -s',
    ...(isUsual ? [] : [`-X ${method}`]),
    ...Object.entries(headers).map(([name, value]) =>
      name === 'authorization' ? '-H "authorization: Bearer $API_KEY"' : `-H ${quoted(`${name}: ${value}`)}`,
    ),
    ...(body === undefined ? [] : [`-d ${quoted(body)}`]),
    quoted(publicUrl(url)),
  ].join(' ');
}

/** Only for the page, the API is below the page. */
function publicUrl(url: string): string {
  return url.startsWith(PAGE_URL) ? new URL('..', PAGE_URL).href + url.slice(PAGE_URL.length) : url;
}

/** In single quotes, as any POSIX shell reads it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
