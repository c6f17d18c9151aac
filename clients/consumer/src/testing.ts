import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { Issuance } from './events.js';
import { checkPurgeDays, PURGE_DAYS } from './inbox.js';
import type { Inbox, InboxEntry } from './inbox.js';

export interface SimulateOptions {
  /** `kiip.currency.issued` unless given. */
  readonly type?: string;
  /** When it was signed: now unless given. */
  readonly signedAt?: Date;
}

/** A request. */
export interface SimulatedEvent {
  readonly method: 'POST';
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** An event as the gateway sends it, for `fetch(url, …)`. Each one is of a new entry, with what `data` says. */
export function simulate(
  secret: string,
  data: Partial<Issuance> = {},
  { type = 'kiip.currency.issued', signedAt = new Date() }: SimulateOptions = {},
): SimulatedEvent {
  const entry: Issuance = {
    id: `iss_${randomBytes(16).toString('hex')}`,
    kind: 'redemption',
    status: 'recorded',
    reason: null,
    test: false,
    transaction_id: randomUUID(),
    content: '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab',
    name: 'Coins',
    quantity: 20,
    user_id: 'user-123',
    nonce: null,
    origin: null,
    received_at: signedAt.toISOString(),
    ...data,
  };
  const event = { type, timestamp: entry.received_at, data: type === 'gateway.test' ? {} : entry };
  const body = JSON.stringify(event);
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': entry.id,
      'webhook-timestamp': String(Math.floor(signedAt.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(entry.id, signedAt, body),
    },
    body,
  };
}

/** An inbox that lasts as long as the process, for tests. The handler gets `tx`. */
export function memoryInbox<Tx = undefined>(tx?: Tx): Inbox<Tx> {
  const entries = new Map<string, InboxEntry>();
  const running = new Map<string, Promise<unknown>>();
  let cursor: string | undefined;
  let purgedBefore = -Infinity;
  return {
    async once(entry, handle) {
      const keys = [entry.id, entry.reward];
      for (let key; (key = keys.find((each) => running.has(each)));)
        await running.get(key)!.catch(() => undefined);
      const known = [...entries.values()].find(
        ({ id, reward }) => id === entry.id || reward === entry.reward,
      );
      if (known) return known.id === entry.id || known.credit === entry.credit ? 'duplicate' : 'conflict';
      if (Date.parse(entry.receivedAt) < purgedBefore) return 'expired';
      const handling = Promise.resolve(handle(tx as Tx));
      for (const key of keys) running.set(key, handling);
      try {
        await handling;
        entries.set(entry.id, entry);
        return 'handled';
      } finally {
        for (const key of keys) running.delete(key);
      }
    },
    loadCursor: async () => cursor,
    saveCursor: async (next) => void (cursor = next),
    async purge(days = PURGE_DAYS) {
      checkPurgeDays(days);
      const times = Array.from(entries.values(), ({ receivedAt }) => Date.parse(receivedAt));
      const horizon = Math.min(Date.now(), Math.max(...times)) - days * 86_400_000;
      const old = [...entries.values()].filter(({ receivedAt }) => Date.parse(receivedAt) < horizon);
      if (old.length > 0) purgedBefore = Math.max(purgedBefore, horizon);
      for (const { id } of old) entries.delete(id);
      return old.length;
    },
  };
}
