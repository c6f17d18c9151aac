import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import type { GatewayEvent } from './events.js';
import { Refusal } from './outcomes.js';

/** A function is asked for each event, so that secrets may change. */
export type Secrets = readonly string[] | (() => readonly string[] | Promise<readonly string[]>);

/** As Node.js has them. */
export type ReceivedHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** 24 bytes or more, as the gateway wants them. */
const SECRET = /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/;
const TOLERANCE_SECONDS = 300;
const NAMES = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;

/** @throws RangeError if there is none, or one cannot be a secret */
export function toWebhooks(secrets: readonly string[]): Webhook[] {
  if (secrets.length === 0) throw new RangeError('secrets must have at least one secret.');
  return secrets.map((secret) => {
    try {
      // The library takes more than that, such as a secret with a line break.
      if (SECRET.test(secret)) return new Webhook(secret);
    } catch {
      // Its padding is wrong.
    }
    throw new RangeError(
      'Each of secrets must be whsec_ and Base64 of at least 24 bytes, as in DELIVERY_CONSUMERS of the gateway.',
    );
  });
}

/**
 * Before the body is read: most of what is not of the gateway ends here.
 * @throws Refusal 401
 */
export function checkHeaders(headers: ReceivedHeaders): void {
  const missing = NAMES.find((name) => !headers[name]);
  if (missing) throw new Refusal(401, `The header ${missing} is missing.`);
  const ageSeconds = Date.now() / 1_000 - Number(headers['webhook-timestamp']);
  if (!(Math.abs(ageSeconds) <= TOLERANCE_SECONDS))
    throw new Refusal(401, 'The event was not signed within five minutes of now: check the clocks.');
}

/**
 * @param body as it arrived: the signature is over the bytes
 * @throws Refusal 401 if none of the secrets has signed it within the last five minutes
 */
export async function verify(
  secrets: Secrets,
  headers: ReceivedHeaders,
  body: string,
): Promise<{ id: string; event: GatewayEvent }> {
  const webhooks = toWebhooks(typeof secrets === 'function' ? await secrets() : secrets);
  const signed = Object.fromEntries(NAMES.map((name) => [name, String(headers[name] ?? '')]));
  let reason = '';
  for (const webhook of webhooks)
    try {
      webhook.verify(body, signed, { jsonParse: false });
      return { id: signed['webhook-id']!, event: JSON.parse(body) as GatewayEvent };
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      reason = error.message;
    }
  throw new Refusal(401, `The signature of the event was not accepted: ${reason}.`);
}
