import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { Issuance } from './events.js';
import { checkPurgeDays, PURGE_DAYS } from './inbox.js';
import type { Inbox, InboxEntry } from './inbox.js';

export interface SimulateOptions {
  /** `kiip.currency.issued` unless given. */
  readonly type?: string;
  /** The `webhook-id`: the id of the entry unless given. */
  readonly id?: string;
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
  { type = 'kiip.currency.issued', id, signedAt = new Date() }: SimulateOptions = {},
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
  const webhookId = id ?? entry.id;
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': webhookId,
      'webhook-timestamp': String(Math.floor(signedAt.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(webhookId, signedAt, body),
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
      while (running.has(entry.reward)) await running.get(entry.reward)!.catch(() => undefined);
      const isKnown = [...entries.values()].some(
        ({ id, reward }) => id === entry.id || reward === entry.reward,
      );
      if (isKnown) return 'duplicate';
      if (Date.parse(entry.receivedAt) < purgedBefore) return 'expired';
      const handling = Promise.resolve(handle(tx as Tx));
      running.set(entry.reward, handling);
      try {
        await handling;
        entries.set(entry.id, entry);
        return 'handled';
      } finally {
        running.delete(entry.reward);
      }
    },
    loadCursor: async () => cursor,
    saveCursor: async (next) => void (cursor = next),
    async purge(days = PURGE_DAYS) {
      checkPurgeDays(days);
      purgedBefore = Math.max(purgedBefore, Date.now() - days * 86_400_000);
      const old = [...entries.values()].filter(({ receivedAt }) => Date.parse(receivedAt) < purgedBefore);
      for (const { id } of old) entries.delete(id);
      return old.length;
    },
  };
}
