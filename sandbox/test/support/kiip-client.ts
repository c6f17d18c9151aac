import type { KiipSandbox } from '../../src/kiip/kiip-sandbox.js';
import { rawCall } from '../../../test/support/raw-call.js';
import type { RawCallResult, RawOptions } from '../../../test/support/raw-call.js';

/** The members that sessions and moments share: the vendor's own example, with its address and names. */
export const COMMON = {
  app: { app_key: 'demo-kiip-app-key', version: '4281020' },
  connection: { ip: '54.174.101.1', type: 'WIFI' },
  device: {
    id: '45e3-1d799e20-963a-4ddd-8593-0683b30e7d5b',
    lang: 'en',
    locale: 'en_US',
    manufacturer: 'google',
    model: 'nexus_5',
    os: 'Android 5.0',
    resolution: '1080x1776',
  },
  sdk_version: '1.0',
  test: false,
  user: { userid: 'user-123', gender: 'm' },
};
export const SESSION = { ...COMMON, events: [{ id: 'session_start', start: '2015-01-28T01:32:22.852Z' }] };
export const SESSION_END = { ...COMMON, events: [{ id: 'session_end', start: '2015-01-28T01:42:22.852Z' }] };
export const MOMENT = { ...COMMON, moment: { id: 'CgkIraKVsdIBEAIQEA' } };

const JSON_TYPE = { 'content-type': 'application/json' };

export interface RewardDocument {
  date: string;
  notification?: { reward_name: string; reward_image_url: string };
  view: {
    email_bounced: boolean;
    id: string;
    modal: { message: string; timeout: number; body_url: string; title: string };
    used_date: null;
    virtual?: { virtual_value: number };
  };
}

/** A bare client of the simulated Kiip: no retries, no opinion. */
export class KiipClient {
  constructor(private readonly sandbox: Pick<KiipSandbox, 'url'>) {}

  call(path: string, options?: RawOptions): Promise<RawCallResult> {
    return rawCall(this.sandbox.url + path, options);
  }

  post(path: string, body: unknown, headers: Record<string, string> = JSON_TYPE): Promise<RawCallResult> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.call(path, { method: 'POST', headers, body: text });
  }

  session(body: unknown = SESSION): Promise<RawCallResult> {
    return this.post('/2.0/server/session', body);
  }

  moment(body: unknown = MOMENT): Promise<RawCallResult> {
    return this.post('/2.0/server/moment', body);
  }

  /** The answer to a moment that is rewarded. */
  async reward(body: unknown = MOMENT): Promise<RewardDocument> {
    return json(await this.moment(body)) as RewardDocument;
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
