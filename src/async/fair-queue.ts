/**
 * Items in one queue for each key. The keys take turns: a key with many items waits for itself, and not the others for it. When all
 * queues together are full, the longest one loses its last item.
 */
export class FairQueue<T> {
  /** In the order of their turns. None is empty. */
  private readonly queues = new Map<unknown, Set<T>>();
  private count = 0;

  constructor(private readonly maxItems: number) {}

  get size(): number {
    return this.count;
  }

  /** @returns the item that had no place: the last one of another key that had more, or this one */
  add(key: unknown, item: T): T | undefined {
    const dropped = this.count < this.maxItems ? undefined : this.dropFromLongest(key);
    if (dropped === null) return item;
    const queue = this.queues.get(key);
    if (queue) queue.add(item);
    else this.queues.set(key, new Set([item]));
    this.count += 1;
    return dropped;
  }

  delete(key: unknown, item: T): void {
    const queue = this.queues.get(key);
    if (!queue?.delete(item)) return;
    this.count -= 1;
    if (queue.size === 0) this.queues.delete(key);
  }

  /** Removes the first items of the next keys, one of each. Their keys go to the end of the order. */
  take(limit: number, isSkipped: (key: unknown) => boolean = () => false): T[] {
    const keys: unknown[] = [];
    for (const key of this.queues.keys()) {
      if (keys.length === limit) break;
      if (!isSkipped(key)) keys.push(key);
    }
    return keys.map((key) => this.takeFirst(key));
  }

  private takeFirst(key: unknown): T {
    const queue = this.queues.get(key)!;
    const [first] = queue as Set<T> & [T];
    this.queues.delete(key);
    queue.delete(first);
    if (queue.size > 0) this.queues.set(key, queue);
    this.count -= 1;
    return first;
  }

  /** @returns null if no other key has more items than this one would have */
  private dropFromLongest(key: unknown): T | null {
    const own = this.queues.get(key)?.size ?? 0;
    const [longestKey, longest] = [...this.queues].reduce(
      (a, b) => (b[1].size > a[1].size ? b : a),
      [undefined, new Set<T>()],
    );
    if (longest.size <= own + 1) return null;
    const last = [...longest].at(-1)!;
    this.delete(longestKey, last);
    return last;
  }
}
