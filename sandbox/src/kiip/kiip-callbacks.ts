import { callbackMessage } from './callback-message.js';
import { planCallback } from './callback-plan.js';
import { SCENARIOS } from './callback-scenarios.js';
import type { ScenarioName } from './callback-scenarios.js';
import type { CallbackSender, Delivery } from './callback-sender.js';
import { checkBatch, checkCallbackSpec } from './callback-spec.js';
import type { BatchOptions, CallbackSpec } from './callback-spec.js';
import { checkMembers, ControlInputError, either, oneOf } from '../server/check.js';
import type { Check } from '../server/check.js';
import type { KiipIds } from './kiip-ids.js';
import type { KiipReward, KiipRewards } from './kiip-rewards.js';
import type { KiipSettings } from './kiip-settings.js';

/** Where callbacks go; null: nowhere. */
export interface CallbackUrls {
  /** Redemptions, and issuances that have no URL of their own. */
  url: string | null;
  issuanceUrl: string | null;
}

const DEMO_USER = 'user-123';
const aUrl: Check = (value) =>
  typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? '')
    ? undefined
    : 'must be an http or https URL';
const aUrlOrNull = either(aUrl, (value) => (value === null ? undefined : 'must be null'));

/** Plans the requested callbacks, signs them and hands them to the sender. */
export class KiipCallbacks {
  private urls: CallbackUrls = { url: null, issuanceUrl: null };

  constructor(
    private readonly sender: CallbackSender,
    private readonly rewards: KiipRewards,
    private readonly ids: KiipIds,
    private readonly settings: () => KiipSettings,
  ) {}

  /** @throws ControlInputError when one is no URL */
  setUrls(urls: CallbackUrls): void {
    checkMembers(urls, { url: aUrlOrNull, issuanceUrl: aUrlOrNull });
    this.urls = urls;
  }

  async send(spec: CallbackSpec): Promise<Delivery> {
    checkCallbackSpec(spec);
    return this.ready(spec)();
  }

  /** In order of the specs, whatever the order in which they leave. */
  async sendAll(specs: readonly CallbackSpec[], options: BatchOptions = {}): Promise<Delivery[]> {
    checkBatch(specs, options);
    const { order = 'in-turn', copies = 1 } = options;
    const all = specs.flatMap((spec) => Array<() => Promise<Delivery>>(copies).fill(this.ready(spec)));
    if (order === 'at-once') return Promise.all(all.map((send) => send()));
    const done: Delivery[] = [];
    for (const index of this.sequence(all.length, order)) done[index] = await all[index]!();
    return done;
  }

  /** @throws ControlInputError when there is no such scenario */
  async play(name: ScenarioName): Promise<Delivery[]> {
    const problem = oneOf(...Object.keys(SCENARIOS))(name);
    if (problem) throw new ControlInputError('name', problem);
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
