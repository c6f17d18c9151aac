import type { Scheduler } from '../server/scheduler.js';
import type { CallbackMessage, CallbackPlan } from './callback-message.js';
import type { KiipSettings } from './kiip-settings.js';
import { postCallback } from './post-callback.js';
import { retryDelayMs } from './retry-policy.js';
import type { Attempt } from './retry-policy.js';
import type { VirtualClock } from '../server/virtual-clock.js';

/** One callback, its state and its attempts. */
export interface Delivery {
  /** Counted from 1. */
  id: number;
  kind: CallbackPlan['kind'];
  url: string;
  contentType: string;
  /** The body as it was sent. */
  sent: string;
  /** `waiting` for its time or for the next attempt; `accepted` by a 2xx; `failed` for good. */
  state: 'waiting' | 'in-flight' | 'accepted' | 'failed';
  /** How many have ended; the fields below are of the latest. */
  attempts: number;
  /** null: no response came. */
  status: number | null;
  /** Of the response. */
  body: string;
  durationMs: number;
  /** ETIMEDOUT, ECONNREFUSED, …; null when a response came. */
  error: string | null;
  /** By the virtual clock, in milliseconds since the epoch. */
  nextAttemptAt: number | null;
  history: Attempt[];
}

interface Sending {
  delivery: Delivery;
  message: CallbackMessage;
  plan: CallbackPlan;
}

// A sandbox may serve a CI for weeks: its memory has to stay bounded.
const MAX_DELIVERIES = 10_000;

/** Sends callbacks, tries again as the policy says, and keeps what came back. */
export class CallbackSender {
  private sendings: Sending[] = [];
  private sent = 0;
  private readonly inFlight = new Set<Promise<void>>();
  private stop = new AbortController();

  constructor(
    private readonly clock: VirtualClock,
    private readonly scheduler: Scheduler,
    private readonly settings: () => KiipSettings,
  ) {}

  /** Resolves after the first attempt, or at once when there is a delay to wait for. */
  async send(plan: CallbackPlan, message: CallbackMessage, url: string, delayMs = 0): Promise<Delivery> {
    this.sent += 1;
    const delivery: Delivery = {
      id: this.sent,
      kind: plan.kind,
      url,
      contentType: message.contentType,
      sent: message.body,
      state: 'waiting',
      attempts: 0,
      status: null,
      body: '',
      durationMs: 0,
      error: null,
      nextAttemptAt: null,
      history: [],
    };
    const sending = { delivery, message, plan };
    this.sendings.push(sending);
    if (this.sendings.length > MAX_DELIVERIES) this.sendings.shift();
    if (delayMs > 0) this.later(sending, delayMs);
    else await this.attempt(sending);
    return structuredClone(delivery);
  }

  list(): Delivery[] {
    return this.sendings.map(({ delivery }) => structuredClone(delivery));
  }

  /** What was sent earlier, by delivery id. */
  find(id: number | 'latest'): Pick<Sending, 'message' | 'plan'> | undefined {
    return id === 'latest' ? this.sendings.at(-1) : this.sendings.find(({ delivery }) => delivery.id === id);
  }

  /** Resolves once no attempt is in flight; delayed ones go on waiting. */
  async settled(): Promise<void> {
    while (this.inFlight.size > 0) await Promise.all(this.inFlight);
  }

  /** Aborts the attempts in flight and forgets everything. */
  reset(): void {
    this.stop.abort();
    this.stop = new AbortController();
    this.scheduler.clear();
    this.sendings = [];
    this.sent = 0;
  }

  private later(sending: Sending, delayMs: number): void {
    const due = this.clock.now() + delayMs;
    Object.assign(sending.delivery, { state: 'waiting', nextAttemptAt: due });
    this.scheduler.at(due, () => void this.attempt(sending));
  }

  private attempt(sending: Sending): Promise<void> {
    const attempt = this.post(sending).finally(() => this.inFlight.delete(attempt));
    this.inFlight.add(attempt);
    return attempt;
  }

  private async post(sending: Sending): Promise<void> {
    const { delivery, message } = sending;
    const { callbackTimeoutMs: timeoutMs, retryPolicy } = this.settings();
    const { signal } = this.stop;
    const at = this.clock.now();
    Object.assign(delivery, { state: 'in-flight', nextAttemptAt: null });
    const outcome = { at, ...(await postCallback(delivery.url, message, { timeoutMs, signal })) };
    const { status, body, durationMs, error } = outcome;
    delivery.history.push(outcome);
    Object.assign(delivery, { attempts: delivery.history.length, status, body, durationMs, error });
    const delayMs = signal.aborted ? undefined : retryDelayMs(retryPolicy, delivery.history);
    if (delayMs !== undefined) return this.later(sending, delayMs);
    delivery.state = status !== null && status >= 200 && status < 300 ? 'accepted' : 'failed';
  }
}
