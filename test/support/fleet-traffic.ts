import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { CallbackSender } from './callback-sender.js';
import { badge, credentials } from './gateway.js';
import { redemption } from './kiip.js';
import { momentOf } from './kiip-world.js';
import { codeOf, RetryingKiipClient } from './retrying-kiip-client.js';
import { waitFor } from './wait-for.js';

export type Kind = 'callback' | 'count' | 'moment';

/** One request. */
export interface Attempt {
  readonly kind: Kind;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** The status, or the error without one. */
  readonly outcome: number | string;
}

const USERS = 40;
/** Nothing is to take as long: a request, a recovery. The circuit of a consumer is open for up to a minute. */
const HANGS_MS = 15_000;
const RECOVERY_SECONDS = 90;
const MOMENT_TRIES = 5;

const newAgent = () =>
  new Agent({ headersTimeout: HANGS_MS, bodyTimeout: HANGS_MS, connectTimeout: HANGS_MS });

/** Callbacks of Kiip, which sends each until it is acknowledged, and calls of callers, all at every gateway. */
export class FleetTraffic {
  readonly attempts: Attempt[] = [];
  readonly kiip: RetryingKiipClient;
  readonly #loops: Promise<void>[];
  #stopped = false;

  constructor(private readonly origins: readonly string[]) {
    this.kiip = new RetryingKiipClient(origins, {
      inFlight: 4,
      pauseMs: 20,
      onAttempt: (outcome, startedAtMs) => this.#keep('callback', outcome, startedAtMs),
    });
    this.#loops = [this.#counts(), this.#moments()];
  }

  /** Waits until every gateway does everything: records a callback, answers a count and a moment, and delivers an event. */
  async recovered(isDelivered: (id: string) => boolean): Promise<void> {
    // Connections that are open may be dead.
    const agent = newAgent();
    const sender = new CallbackSender(2, HANGS_MS);
    const answered = (kind: Kind, call: () => Promise<unknown>) =>
      waitFor(`a ${kind} is answered`, async () => (await call()) === 200, RECOVERY_SECONDS);
    const ids = await Promise.all(
      this.origins.map(async (origin) => {
        const id = await this.#record(sender, origin);
        await answered('count', () => this.#count(agent, origin));
        await answered('moment', () => this.#moment(agent, origin, randomUUID()));
        return id;
      }),
    );
    await waitFor('new events are delivered', () => ids.every(isDelivered), RECOVERY_SECONDS);
    await Promise.all([agent.destroy(), sender.close()]);
  }

  /** Stops, and waits until the last callback is acknowledged. */
  async finish(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#loops, this.kiip.finish()]);
  }

  async #counts(): Promise<void> {
    const agent = newAgent();
    for (let turn = 0; !this.#stopped; turn += 1) {
      await this.#count(agent, this.origins[turn % this.origins.length]!, turn % USERS);
      await sleep(20);
    }
    await agent.destroy();
  }

  /** Each moment has a user of its own, and is sent again with its key until its outcome is known. */
  async #moments(): Promise<void> {
    const agent = newAgent();
    for (let turn = 0; !this.#stopped; turn += 1) {
      const user = randomUUID();
      for (let attempt = 0; attempt < MOMENT_TRIES; attempt += 1) {
        const origin = this.origins[(turn + attempt) % this.origins.length]!;
        const outcome = await this.#moment(agent, origin, user);
        await sleep(60);
        if (outcome === 200 || outcome === 409) break;
      }
    }
    await agent.destroy();
  }

  #count(dispatcher: Agent, origin: string, user = 0): Promise<number | string> {
    return this.#call('count', origin + badge(`user-${user}`), { dispatcher, headers: credentials });
  }

  #moment(dispatcher: Agent, origin: string, user: string): Promise<number | string> {
    return this.#call('moment', `${origin}/api/v1/kiip/moments`, {
      dispatcher,
      method: 'POST',
      headers: { ...credentials, 'content-type': 'application/json', 'idempotency-key': user },
      body: JSON.stringify(momentOf(user)),
    });
  }

  /** Sends a callback until this gateway acknowledges it. @returns the ledger id */
  async #record(sender: CallbackSender, origin: string): Promise<string> {
    const fields = redemption();
    let id = '';
    await waitFor(
      'a callback is recorded',
      async () => {
        const response = await sender.callback(origin, fields);
        id = response.id ?? '';
        return id !== '';
      },
      RECOVERY_SECONDS,
    );
    const transaction = String(fields['transaction_id']);
    this.kiip.sent.set(transaction, fields);
    this.kiip.acknowledged.set(transaction, [{ outcome: 'recorded', id }]);
    return id;
  }

  async #call(kind: Kind, url: string, options: Parameters<typeof request>[1]): Promise<number | string> {
    const startedAtMs = performance.now();
    const outcome = await request(url, options)
      .then(async ({ statusCode, body }) => (await body.dump(), statusCode))
      .catch(codeOf);
    this.#keep(kind, outcome, startedAtMs);
    return outcome;
  }

  #keep(kind: Kind, outcome: number | string, startedAtMs: number): void {
    this.attempts.push({ kind, outcome, startedAtMs, endedAtMs: performance.now() });
  }
}
