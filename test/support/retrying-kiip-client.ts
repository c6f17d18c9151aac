import { setTimeout as sleep } from 'node:timers/promises';
import { CallbackSender } from './callback-sender.js';
import { issuance, redemption, transaction } from './kiip.js';
import type { Fields } from './kiip.js';

export interface RetryingKiipClientOptions {
  /** The number of callbacks in flight at once. */
  readonly inFlight: number;
  /** The pause between two callbacks, at most 50. */
  readonly pauseMs?: number;
  /** Called with the status or the error of each attempt. */
  readonly onAttempt?: (outcome: number | string, startedAtMs: number) => void;
}

/**
 * Sends genuine callbacks, several at once, and retries each until it is acknowledged. It fails on a response that is
 * neither 200 nor 503.
 */
export class RetryingKiipClient {
  /** All responses with status 200, by transaction. */
  readonly acknowledged = new Map<string, { outcome: string; id: string }[]>();
  readonly sent = new Map<string, Fields>();
  /** Attempts without a response, whose outcome is unknown. */
  lost = 0;
  #stopped = false;
  readonly #sender: CallbackSender;
  readonly #loops: Promise<void>[];
  readonly #onAttempt: (outcome: number | string, startedAtMs: number) => void;

  /** @param origins origins of gateways that share their data */
  constructor(
    private readonly origins: readonly string[],
    { inFlight, pauseMs = 0, onAttempt = () => undefined }: RetryingKiipClientOptions,
  ) {
    this.#onAttempt = onAttempt;
    this.#sender = new CallbackSender(inFlight);
    this.#loops = Array.from({ length: inFlight }, (_, index) => this.#send(index, pauseMs));
    // `finish` reports the error.
    Promise.all(this.#loops).catch(() => undefined);
  }

  /** Stops new callbacks and waits until those in flight are acknowledged. */
  async finish(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    await this.#sender.close();
  }

  async #send(index: number, pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      const transaction_id = transaction();
      const fields = index % 2 === 0 ? redemption({ transaction_id }) : issuance({ transaction_id });
      this.sent.set(transaction_id, fields);
      const responses = [await this.#deliver(fields, index)];
      // Sometimes repeat an acknowledged callback, perhaps at another process.
      if (Math.random() < 0.1) responses.push(await this.#deliver(fields, index));
      this.acknowledged.set(transaction_id, responses);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }

  async #deliver(fields: Fields, index: number): Promise<{ outcome: string; id: string }> {
    for (let attempt = index; ; attempt += 1) {
      const origin = this.origins[attempt % this.origins.length]!;
      const startedAtMs = performance.now();
      const response = await this.#sender.callback(origin, fields).catch((error: unknown) => codeOf(error));
      this.#onAttempt(typeof response === 'string' ? response : response.status, startedAtMs);
      if (typeof response === 'string') {
        if (response !== 'ECONNREFUSED') this.lost += 1;
      } else if (response.status !== 503) {
        const { status, outcome = '', id = '' } = response;
        if (status !== 200) throw new Error(`status ${status}: ${response.text}`);
        return { outcome, id };
      }
      await sleep(50);
    }
  }
}

export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}
