import type { KigoSandbox } from '../../src/kigo/kigo-sandbox.js';
import { rawCall } from '../../../test/support/raw-call.js';
import type { RawCallResult, RawOptions } from '../../../test/support/raw-call.js';

export const CREDENTIALS = { partner_id: 'demo-partner', api_key: 'demo-kigo-key' };
const JSON_TYPE = { 'content-type': 'application/json' };

/** A bare client of the simulated Kigo: no retries, no cache, no opinion. */
export class KigoClient {
  constructor(private readonly sandbox: Pick<KigoSandbox, 'url'>) {}

  call(path: string, options?: RawOptions): Promise<RawCallResult> {
    return rawCall(this.sandbox.url + path, options);
  }

  login(body: unknown = CREDENTIALS, headers: Record<string, string> = JSON_TYPE): Promise<RawCallResult> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.call('/api/v1/auth/sessions', { method: 'POST', headers, body: text });
  }

  async token(): Promise<string> {
    return (json(await this.login()) as { token: string }).token;
  }

  get(path: string, token: string): Promise<RawCallResult> {
    return this.call(path, { headers: { authorization: `Bearer ${token}` } });
  }

  lookup(token: string, user = 'user123', program = 'program456'): Promise<RawCallResult> {
    const query = `external_user_id=${encodeURIComponent(user)}&external_program_id=${encodeURIComponent(program)}`;
    return this.get(`/api/v1/accounts?${query}`, token);
  }

  async accountId(token: string, user?: string, program?: string): Promise<string | number> {
    return (json(await this.lookup(token, user, program)) as { account_id: string | number }).account_id;
  }

  summary(token: string, accountId: string | number): Promise<RawCallResult> {
    return this.get(`/api/v1/accounts/${encodeURIComponent(accountId)}/hub-summary`, token);
  }

  /** The control API. */
  control(method: string, path: string, body?: unknown): Promise<RawCallResult> {
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    return this.call(`/__sandbox${path}`, { method, body: text });
  }
}

export function json(answer: RawCallResult): unknown {
  return JSON.parse(answer.body.toString());
}
