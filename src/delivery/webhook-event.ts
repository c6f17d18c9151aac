import { Webhook } from 'standardwebhooks';
import type { IssuanceDto } from '../ledger/issuances.dto.js';

export const CURRENCY_ISSUED = 'kiip.currency.issued';

/** A webhook message (Standard Webhooks). Every attempt has the same body and a new signature. */
export interface SignedEvent {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * @param acceptedAt the time of the event
 * @param signedAt by the clock of the database: consumers reject a signature whose time differs too much from theirs
 * @param secrets `whsec_…`; one signature each, so that a consumer can rotate its secret at any time
 */
export function signEvent(
  issuance: IssuanceDto,
  { acceptedAt, signedAt }: { readonly acceptedAt: Date; readonly signedAt: Date },
  secrets: readonly string[],
): SignedEvent {
  const body = JSON.stringify({ type: CURRENCY_ISSUED, timestamp: acceptedAt.toISOString(), data: issuance });
  const signatures = secrets.map((secret) => new Webhook(secret).sign(issuance.id, signedAt, body));
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'rewards-gateway',
      'webhook-id': issuance.id,
      'webhook-timestamp': String(Math.floor(signedAt.getTime() / 1000)),
      'webhook-signature': signatures.join(' '),
    },
  };
}
