import { callbackMessage } from './callback-message.js';
import { planCallback } from './callback-plan.js';
import { SCENARIOS } from './callback-scenarios.js';
import type { ScenarioName } from './callback-scenarios.js';
import type { CallbackSender, Delivery } from './callback-sender.js';
import { BATCH_OPTIONS, CALLBACK_SPEC } from './callback-spec.js';
import type { BatchOptions, CallbackSpec } from './callback-spec.js';
import { z } from 'zod';
import { ControlInputError, parseInput } from '../server/control-input.js';
import type { KiipIds } from './kiip-ids.js';
import type { KiipReward, KiipRewards } from './kiip-rewards.js';
import type { KiipSettings } from './kiip-settings.js';

const DEMO_USER = 'user-123';
const CALLBACK_URL = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL or null' })
  .nullable();

/** Where callbacks go; null: nowhere. */
export const CALLBACK_URLS = z.strictObject({
  /** Redemptions, and issuances that have no URL of their own. */
  url: CALLBACK_URL,
  issuanceUrl: CALLBACK_URL.optional(),
});
export type CallbackUrls = z.infer<typeof CALLBACK_URLS>;

export const SCENARIO = z.strictObject({ name: z.enum(Object.keys(SCENARIOS) as ScenarioName[]) });
const CALLBACK_LIST = z.strictObject({ callbacks: z.array(z.record(z.string(), z.unknown())) });

/** Plans the requested callbacks, signs them and hands them to the sender. */
export class KiipCallbacks {
  private urls: CallbackUrls = { url: null };

  constructor(
    private readonly sender: CallbackSender,
    private readonly rewards: KiipRewards,
    private readonly ids: KiipIds,
    private readonly settings: () => KiipSettings,
  ) {}

  /** @throws ControlInputError when one is not a URL */
  setUrls(urls: CallbackUrls): void {
    this.urls = parseInput(CALLBACK_URLS, urls);
  }

  async send(spec: CallbackSpec): Promise<Delivery> {
    return this.ready(parseInput(CALLBACK_SPEC, spec))();
  }

  /** In order of the specs, whatever the order in which they leave. */
  async sendAll(specs: readonly CallbackSpec[], options: BatchOptions = {}): Promise<Delivery[]> {
    const { callbacks } = parseInput(CALLBACK_LIST, { callbacks: specs });
    const valid = callbacks.map((spec) => parseInput(CALLBACK_SPEC, spec));
    const { order = 'in-turn', copies = 1 } = parseInput(BATCH_OPTIONS, options);
    const all = valid.flatMap((spec) => Array<() => Promise<Delivery>>(copies).fill(this.ready(spec)));
    if (order === 'at-once') return Promise.all(all.map((send) => send()));
    const done: Delivery[] = [];
    for (const index of this.sequence(all.length, order)) done[index] = await all[index]!();
    return done;
  }

  /** @throws ControlInputError when there is no such scenario */
  async play(name: ScenarioName): Promise<Delivery[]> {
    parseInput(SCENARIO, { name });
    const done: Delivery[] = [];
    for (const { callbacks, ...options } of SCENARIOS[name]) {
      done.push(...(await this.sendAll(callbacks, options)));
    }
    return done;
  }

  /** The callback of a reward just redeemed; undefined when there is no callback URL or no user. */
  async redeemed(reward: KiipReward): Promise<Delivery | undefined> {
    if (reward.user_id === null || this.urls.url === null) return undefined;
    return this.send({ reward: reward.view_id, delayMs: this.settings().callbackDelayMs });
  }

  /** Words the message now; every call of the result sends it. */
  private ready(spec: CallbackSpec): () => Promise<Delivery> {
    const { copyOf: earlier, delayMs, ...changes } = spec;
    const original = earlier === undefined ? undefined : this.sender.find(earlier);
    if (earlier !== undefined && !original) throw new ControlInputError('copyOf', 'names no delivery');
    const reward = spec.reward === undefined ? undefined : this.rewards.find(spec.reward);
    if (spec.reward !== undefined && !reward) throw new ControlInputError('reward', 'names no reward');
    const settings = this.settings();
    const userId = this.rewards.find('latest')?.user_id ?? DEMO_USER;
    const plan = planCallback(changes, { settings, ids: this.ids, copyOf: original?.plan, reward, userId });
    // Nothing changed: the very bytes, even when the secret has been changed since.
    const same = original && Object.keys(changes).length === 0;
    const message = same ? original.message : callbackMessage(plan, settings);
    const url = (plan.kind === 'issuance' ? this.urls.issuanceUrl : null) ?? this.urls.url;
    if (url === null) throw new ControlInputError('url', 'is not set: there is nowhere to send callbacks to');
    return () => this.sender.send(plan, message, url, delayMs);
  }

  private sequence(length: number, order: Exclude<BatchOptions['order'], 'at-once'>): number[] {
    const indexes = Array.from({ length }, (_, index) => index);
    if (order === 'reversed') return indexes.toReversed();
    if (order !== 'shuffled') return indexes;
    return indexes
      .map((index) => [this.ids.below(1_000_000), index] as const)
      .toSorted(([a], [b]) => a - b)
      .map(([, index]) => index);
  }
}
