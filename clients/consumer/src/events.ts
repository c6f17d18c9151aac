import type { components } from './schema.js';

type Schemas = components['schemas'];

/** An entry of the gateway's ledger. */
export type Issuance = Schemas['Issuance'];

/** An accepted entry. Only a quarantined one may have no quantity. */
export type CurrencyIssued = Omit<Schemas['CurrencyIssuedEvent'], 'data'> & {
  data: Issuance & { quantity: number };
};

/** An event. A later version of the gateway may send other types, with data of their own. */
export type GatewayEvent =
  | CurrencyIssued
  | Schemas['TestEvent']
  | { type: string; timestamp: string; data: unknown };

export function isCurrencyIssued(event: GatewayEvent): event is CurrencyIssued {
  return event.type === 'kiip.currency.issued';
}

/** The event of an entry of the feed; undefined for one that was not accepted. */
export function toEvent(entry: Issuance): CurrencyIssued | undefined {
  const { status, quantity, received_at: timestamp } = entry;
  if ((status !== 'recorded' && status !== 'released') || quantity === null) return undefined;
  return { type: 'kiip.currency.issued', timestamp, data: { ...entry, quantity } };
}
