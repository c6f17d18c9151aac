import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { jsonResponse } from '../server/http-response.js';
import type { HttpResponse } from '../server/http-response.js';
import type { Call, SimulatedService, HttpRequest } from '../server/simulated-service.js';
import type { WalletLedger } from './wallet-ledger.js';
import { ISSUED, isTestEvent, readIssued } from './wallet-event.js';
import type { IssuedCurrency } from './wallet-event.js';

export const WALLET_ROUTES = ['events', 'other'] as const;
export type WalletRoute = (typeof WALLET_ROUTES)[number];

const SIGNED_WITH = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
const STATUS_TEXT = {
  credited: 'verified',
  test: 'a test, verified, counted nowhere',
  again: 'again, ignored',
};

/** A consumer of the gateway's events; to its server it is one more vendor. */
export class WalletService implements SimulatedService {
  readonly routes = WALLET_ROUTES;
  private readonly webhook: Webhook;

  /**
   * @param secret `whsec_` and the key in Base64
   * @param say is called with one line for every event
   */
  constructor(
    secret: string,
    private readonly ledger: WalletLedger,
    private readonly say: (line: string) => void,
  ) {
    this.webhook = new Webhook(secret);
  }

  identify(request: HttpRequest): Call {
    if (!isForEvents(request) || request.method !== 'POST') return { route: 'other' };
    return { route: 'events', user: readIssued(request.body)?.user_id };
  }

  respond(request: HttpRequest): HttpResponse {
    if (!isForEvents(request)) return this.failure(404);
    if (request.method !== 'POST') return jsonResponse(405, { error: 'use POST' }, { allow: 'POST' });
    const problem = this.signatureProblem(request);
    if (problem) return this.rejected(401, problem);
    if (isTestEvent(request.body)) {
      this.say('Wallet: an event that is about nothing, verified');
      return jsonResponse(200, { status: 'test' });
    }
    const issued = readIssued(request.body);
    if (!issued) return this.rejected(400, `The body is no ${ISSUED} event`);

    const id = String(request.headers['webhook-id']);
    const status = this.ledger.record(id, issued);
    this.say(`Wallet: ${this.describe(issued)} (${id}), ${STATUS_TEXT[status]}`);
    return jsonResponse(200, { status });
  }

  failure(status: number): HttpResponse {
    return jsonResponse(status, { error: `the wallet answers ${status}` });
  }

  /** Why the text is not to be trusted as it arrived, in the library's words; undefined when it is. */
  private signatureProblem({ headers, body }: HttpRequest): string | undefined {
    const signed = Object.fromEntries(SIGNED_WITH.map((name) => [name, String(headers[name] ?? '')]));
    try {
      this.webhook.verify(body, signed, { jsonParse: false });
      return undefined;
    } catch (error) {
      if (error instanceof WebhookVerificationError) return error.message;
      throw error;
    }
  }

  private rejected(status: number, error: string): HttpResponse {
    this.say(`Wallet: refused what arrived. ${error}`);
    return jsonResponse(status, { error });
  }

  private describe({ user_id, content, name, quantity }: IssuedCurrency): string {
    return `+${quantity} ${name ?? this.ledger.findName(content) ?? content} for ${user_id}`;
  }
}

function isForEvents({ url }: HttpRequest): boolean {
  return url.replace(/[?#].*$/s, '') === '/events';
}
