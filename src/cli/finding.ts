import { withTimeout } from '../async/time-limit.js';
import { summarizeError } from '../log/error-summary.js';

/** What a check of `npm run doctor` found: one line, which says what to do unless all is well. It holds no secret. */
export interface Finding {
  readonly status: 'ok' | 'warning' | 'failed';
  readonly check: string;
  readonly text: string;
}

export const ok = (check: string, text: string): Finding => ({ status: 'ok', check, text });
export const warning = (check: string, text: string): Finding => ({ status: 'warning', check, text });
export const failed = (check: string, text: string): Finding => ({ status: 'failed', check, text });

const LIMIT_MS = 15_000;

/** Runs a check within its time limit. It never rejects: the others go on. */
export async function runCheck(
  check: string,
  work: (signal: AbortSignal) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  const late = new Error();
  try {
    return await withTimeout(LIMIT_MS, work, () => late);
  } catch (error) {
    if (error === late)
      return [failed(check, `no result within ${LIMIT_MS / 1000} s: ${adviseOn('ETIMEDOUT')}`)];
    const { error: name, code = name, at = 'unknown' } = summarizeError(error);
    return [failed(check, `unexpected error (${code} at ${at}): report it`)];
  }
}

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/ENOTFOUND|EAI_AGAIN/, 'the name does not resolve: correct it, or let this machine reach a name server'],
  [
    /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/,
    'the certificate is not accepted: correct it at the server, or put its CA into NODE_EXTRA_CA_CERTS',
  ],
  [/ECONNREFUSED/, 'nothing listens there: start it, or correct host and port'],
  [
    /TIMEOUT|TIMEDOUT|UNREACH|in time/,
    'look for a firewall, a NetworkPolicy or a proxy that is needed (HTTPS_PROXY)',
  ],
];

/** What to do about a failed connection, by the error code in a text. */
export function adviseOn(text: string): string {
  return ADVICE.find(([codes]) => codes.test(text))?.[1] ?? 'correct host, port, protocol and TLS of the URL';
}
