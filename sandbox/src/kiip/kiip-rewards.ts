/** A reward that a moment got. */
export interface KiipReward {
  /** Begins with `test_` in test mode. Stands as `transaction_id` in the callback too. */
  view_id: string;
  /** Path of its page, in both URL shapes. */
  paths: string[];
  /** Where its page really is. */
  page_url: string;
  /** Where it is said to be; null: not said at all. */
  body_url: string | null;
  moment_id: string;
  device_id: string;
  /** null: no virtual currency can be issued. */
  user_id: string | null;
  email_address: string | null;
  test: boolean;
  close_button: boolean;
  content: string;
  name: string;
  quantity: number;
  date: string;
  used_date: string | null;
}

// A sandbox may serve a CI for weeks: its memory has to stay bounded.
const MAX_REWARDS = 10_000;

/** Rewards given, oldest first. */
export class KiipRewards {
  private readonly rewards = new Map<string, KiipReward>();
  private readonly byPath = new Map<string, KiipReward>();
  private latest?: KiipReward;

  add(reward: KiipReward): void {
    this.latest = reward;
    this.rewards.set(reward.view_id, reward);
    for (const path of reward.paths) this.byPath.set(path, reward);
    const [oldest] = this.rewards.values();
    if (this.rewards.size > MAX_REWARDS && oldest) {
      this.rewards.delete(oldest.view_id);
      for (const path of oldest.paths) this.byPath.delete(path);
    }
  }

  /** By view id, or 'latest'. */
  find(viewId: string): KiipReward | undefined {
    return viewId === 'latest' ? this.latest : this.rewards.get(viewId);
  }

  findByPath(path: string): KiipReward | undefined {
    return this.byPath.get(path);
  }

  list(): KiipReward[] {
    return [...this.rewards.values()].map((reward) => structuredClone(reward));
  }

  clear(): void {
    this.latest = undefined;
    this.rewards.clear();
    this.byPath.clear();
  }
}
