import { FairQueue } from '../async/fair-queue.js';
import { StorageUnavailableError } from '../database/storage-error.js';

const MAX_HELD = 4_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** As many are tried at a time as share a statement. */
const ROUND_SIZE = 64;
const ROUND_INTERVAL_MS = 200;

/** Called once: with true to try again, or with false when that is no longer possible. */
type Turn = (comes: boolean) => void;

/**
 * Tries again what the database was not available for, until it succeeds or its time is over. What has waited longest is tried first,
 * and keys take turns: one that fails again and again, because of a lock, holds up no other. Their number and bytes are bounded.
 */
export class CallbackHold {
  private readonly waiting = new FairQueue<Turn>(MAX_HELD);
  private rounds: NodeJS.Timeout | undefined;
  private count = 0;
  private bytes = 0;

  /** @param holdMs how long, from its first try */
  constructor(private readonly holdMs: number) {}

  /** How many are held. */
  get size(): number {
    return this.count;
  }

  /**
   * @param key those with equal keys wait for each other
   * @param bytes what is kept in memory meanwhile
   * @param work may run many times; a try that fails may have succeeded in the database
   * @throws StorageUnavailableError when the time is over, or too many are held
   */
  async run<T>(key: string, bytes: number, work: () => Promise<T>): Promise<T> {
    const expiresAt = performance.now() + this.holdMs;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StorageUnavailableError) || this.bytes + bytes > MAX_BYTES) throw error;
      this.count += 1;
      this.bytes += bytes;
      try {
        return await this.repeat(key, expiresAt, work, error);
      } finally {
        this.count -= 1;
        this.bytes -= bytes;
      }
    }
  }

  private async repeat<T>(
    key: string,
    expiresAt: number,
    work: () => Promise<T>,
    failure: unknown,
  ): Promise<T> {
    for (let lastFailure = failure; ;) {
      if (!(await this.nextTurn(key, expiresAt - performance.now()))) throw lastFailure;
      try {
        const result = await work();
        // The database is available again.
        this.startRound();
        return result;
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error;
        lastFailure = error;
      }
    }
  }

  private nextTurn(key: string, leftMs: number): Promise<boolean> {
    if (leftMs <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const turn: Turn = (comes) => {
        clearTimeout(expiry);
        resolve(comes);
      };
      const expiry = setTimeout(() => {
        this.waiting.delete(key, turn);
        resolve(false);
      }, leftMs);
      this.waiting.add(key, turn)?.(false);
      this.rounds ??= setInterval(() => this.startRound(), ROUND_INTERVAL_MS);
    });
  }

  private startRound(): void {
    for (const turn of this.waiting.take(ROUND_SIZE)) turn(true);
    if (this.waiting.size > 0) return;
    clearInterval(this.rounds);
    this.rounds = undefined;
  }
}
