import { setTimeout as sleep } from 'node:timers/promises';
import { CallbackSender } from './callback-sender.js';
import { issuance, redemption, transaction } from './kiip.js';
import type { Fields } from './kiip.js';

export interface KiipHabits {
  /** Callbacks under way at once. */
  readonly inFlight: number;
  /** Between two callbacks, at most 50. */
  readonly pauseMs?: number;
}

/**
 * Kiip, as far as it is honest: sends callbacks, several at once, and each again until it is acknowledged. An answer that
 * is neither 200 nor 503 ends it.
 */
export class PatientKiip {
  /** By transaction: every answer 200. */
  readonly acknowledged = new Map<string, { outcome: string; id: string }[]>();
  readonly sent = new Map<string, Fields>();
  /** Tries that had no answer, so that nobody knows what became of them. */
  lost = 0;
  #stopped = false;
  readonly #sender: CallbackSender;
  readonly #loops: Promise<void>[];

  /** @param origins of gateways that share their data */
  constructor(
    private readonly origins: readonly string[],
    { inFlight, pauseMs = 0 }: KiipHabits,
  ) {
    this.#sender = new CallbackSender(inFlight);
    this.#loops = Array.from({ length: inFlight }, (_, index) => this.#send(index, pauseMs));
  }

  /** What is under way is sent until it is acknowledged. */
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
      const answers = [await this.#deliver(fields, index)];
      // Now and then once more, although it has been acknowledged, perhaps by another process.
      if (Math.random() < 0.1) answers.push(await this.#deliver(fields, index));
      this.acknowledged.set(transaction_id, answers);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }

  async #deliver(fields: Fields, index: number): Promise<{ outcome: string; id: string }> {
    for (let attempt = index; ; attempt += 1) {
      const origin = this.origins[attempt % this.origins.length]!;
      const answer = await this.#sender.callback(origin, fields).catch((error: unknown) => codeOf(error));
      if (typeof answer === 'string') {
        if (answer !== 'ECONNREFUSED') this.lost += 1;
      } else if (answer.status !== 503) {
        const { status, outcome = '', id = '' } = answer;
        if (status !== 200) throw new Error(`answered ${status}: ${answer.text}`);
        return { outcome, id };
      }
      await sleep(50);
    }
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
}
