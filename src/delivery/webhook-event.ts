import { Webhook } from 'standardwebhooks';
import type { IssuanceDto } from '../ledger/issuances.dto.js';

export const CURRENCY_ISSUED = 'kiip.currency.issued';

/** One message as it goes out (Standard Webhooks): the same body at every attempt, signed anew. */
export interface SignedEvent {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * @param acceptedAt when the event happened
 * @param signedAt the database's time: consumers refuse what is signed at a time that is not theirs
 * @param secrets `whsec_…`; each makes a signature, so that a consumer may change its own at any time
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
