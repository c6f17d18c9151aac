import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { jsonAnswer } from '../server/answer.js';
import type { Answer } from '../server/answer.js';
import type { Call, Vendor, VendorRequest } from '../server/vendor.js';
import type { WalletBook } from './wallet-book.js';
import { ISSUED, readIssued } from './wallet-event.js';
import type { IssuedCurrency } from './wallet-event.js';

export const WALLET_ROUTES = ['events', 'other'] as const;
export type WalletRoute = (typeof WALLET_ROUTES)[number];

const SIGNED_WITH = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
const TELLS = {
  credited: 'verified',
  test: 'a test, verified, counted nowhere',
  again: 'again, ignored',
};

/** A consumer of the gateway's events; to its server it is one more vendor. */
export class WalletVendor implements Vendor {
  readonly routes = WALLET_ROUTES;
  private readonly webhook: Webhook;

  /**
   * @param secret `whsec_` and the key in Base64
   * @param say hears one line for every event
   */
  constructor(
    secret: string,
    private readonly book: WalletBook,
    private readonly say: (line: string) => void,
  ) {
    this.webhook = new Webhook(secret);
  }

  identify(request: VendorRequest): Call {
    if (!isForEvents(request) || request.method !== 'POST') return { route: 'other' };
    return { route: 'events', user: readIssued(request.body)?.user_id };
  }

  answer(request: VendorRequest): Answer {
    if (!isForEvents(request)) return this.failure(404);
    if (request.method !== 'POST') return jsonAnswer(405, { error: 'use POST' }, { allow: 'POST' });
    const problem = this.signatureProblem(request);
    if (problem) return this.refused(401, problem);
    const issued = readIssued(request.body);
    if (!issued) return this.refused(400, `The body is no ${ISSUED} event`);

    const id = String(request.headers['webhook-id']);
    const status = this.book.take(id, issued);
    this.say(`Wallet: ${this.inWords(issued)} (${id}), ${TELLS[status]}`);
    return jsonAnswer(200, { status });
  }

  failure(status: number): Answer {
    return jsonAnswer(status, { error: `the wallet answers ${status}` });
  }

  /** Why the text is not to be trusted as it arrived, in the library's words; undefined when it is. */
  private signatureProblem({ headers, body }: VendorRequest): string | undefined {
    const signed = Object.fromEntries(SIGNED_WITH.map((name) => [name, String(headers[name] ?? '')]));
    try {
      this.webhook.verify(body, signed, { jsonParse: false });
      return undefined;
    } catch (error) {
      if (error instanceof WebhookVerificationError) return error.message;
      throw error;
    }
  }

  private refused(status: number, error: string): Answer {
    this.say(`Wallet: refused what arrived. ${error}`);
    return jsonAnswer(status, { error });
  }

  private inWords({ user_id, content, name, quantity }: IssuedCurrency): string {
    return `+${quantity} ${name ?? this.book.nameOf(content) ?? content} for ${user_id}`;
  }
}

function isForEvents({ url }: VendorRequest): boolean {
  return url.replace(/[?#].*$/s, '') === '/events';
}
