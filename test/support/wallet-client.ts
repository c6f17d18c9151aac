import { Webhook } from 'standardwebhooks';
import type { WalletSandbox } from '@rewards-gateway/sandbox';
import { rawCall } from './raw-call.js';
import type { RawCallResult } from './raw-call.js';

/** A ledger entry as the gateway sends it. */
export const ENTRY = {
  id: 'iss_0190c1d2e3f4000000112233445566aa',
  kind: 'redemption',
  status: 'recorded',
  reason: null,
  test: false,
  transaction_id: '5473ca54-59a5-cf65-d319-c91697297fcc',
  content: '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab',
  name: 'Coins' as string | null,
  quantity: 20,
  user_id: 'user-123',
  nonce: null,
  origin: null,
  received_at: '2026-01-31T12:00:00.000Z',
};

export interface SignedEvent {
  headers: Record<string, string>;
  body: string;
}

export function createEvent(entry: Partial<typeof ENTRY> = {}): string {
  const timestamp = new Date().toISOString();
  return JSON.stringify({ type: 'kiip.currency.issued', timestamp, data: { ...ENTRY, ...entry } });
}

/** Signs with the published library and every given secret. */
export function signEvent(body: string, secrets: string[], id = ENTRY.id, at = new Date()): SignedEvent {
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  };
  return { headers, body };
}

/** A minimal client of the virtual wallet, without retries. */
export class WalletClient {
  constructor(private readonly wallet: Pick<WalletSandbox, 'url' | 'secret'>) {}

  send({ headers, body }: SignedEvent, signal?: AbortSignal): Promise<RawCallResult> {
    return rawCall(`${this.wallet.url}/events`, { method: 'POST', headers, body, signal });
  }

  /** Sends a correctly signed event whose id is that of its entry. */
  issue(entry: Partial<typeof ENTRY> = {}, signal?: AbortSignal): Promise<RawCallResult> {
    return this.send(signEvent(createEvent(entry), [this.wallet.secret], entry.id), signal);
  }

  control(method: string, path: string, body?: unknown): Promise<RawCallResult> {
    const text = body === undefined ? body : JSON.stringify(body);
    return rawCall(`${this.wallet.url}/__sandbox${path}`, { method, body: text });
  }
}
