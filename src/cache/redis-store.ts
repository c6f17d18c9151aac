import { KeyvAdapter } from 'cache-manager';
import { Keyv } from 'keyv';
import type { KeyvStoreAdapter } from 'keyv';
import QuickLRU from 'quick-lru';
import { RedisConnection } from './redis-connection.js';
import type { Counted } from './redis-counters.js';

/** The memory store keeps between this many entries and twice as many. */
const MEMORY_ENTRIES = 20_000;

const RAW_VALUES = { serialize: undefined, deserialize: undefined, useKeyPrefix: false };

export function createMemoryStore(): Keyv {
  return new Keyv({ ...RAW_VALUES, store: new QuickLRU<string, unknown>({ maxSize: MEMORY_ENTRIES }) });
}

type CommandStore = ConstructorParameters<typeof KeyvAdapter>[0];

/** Adds, and begins the counter's life with its first addition: a counter without an end would refuse for ever. */
const ADD_SCRIPT = `
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  left = tonumber(ARGV[2])
end
return {total, left}`;

const RELEASE_LEASE_SCRIPT = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

export interface SharedStore {
  readonly store: Keyv;
  count(
    key: string,
    count: number,
    lifeMs: number,
    onLate: (counted: Counted) => void,
  ): Promise<Counted | undefined>;
  take(key: string, owner: string, lifeMs: number): Promise<'taken' | 'held' | undefined>;
  giveBack(key: string, owner: string): Promise<void>;
  readonly redis: { readonly state: 'up' | 'down'; readonly lastSuccessAt: Date | undefined };
}

/** The Redis store. It is imported only here: it costs 75 MB that an installation without Redis need not pay. */
export async function connectRedis(url: string): Promise<SharedStore> {
  const [{ createClient }, { redisInsStore }] = await Promise.all([
    import('redis'),
    import('cache-manager-redis-yet'),
  ]);
  const redis = new RedisConnection((signal) => {
    // The signal is for net and tls, which destroy the socket in whatever state it is.
    const socket = { connectTimeout: 2_000, reconnectStrategy: false as const, signal };
    const client = createClient({
      url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: 10_000,
      // Without this courtesy a connection is ready at once, or after its password.
      disableClientInfo: true,
      socket,
    });
    client.unref();
    return { client, commands: redisInsStore(client as never) };
  });
  const commands: Pick<CommandStore, 'name' | 'get' | 'set' | 'del' | 'disconnect'> = {
    name: 'redis',
    get: (key) => redis.run((inUse) => inUse.get(key)),
    set: (key, value, ttl) => redis.run((inUse) => inUse.set(key, value, ttl)),
    // Keyv deletes what has expired by this machine's clock, and waits for it. Redis does so by itself, by its own.
    del: () => Promise.resolve(),
    disconnect: async () => redis.close(),
  };
  const adapter = new KeyvAdapter(commands as CommandStore);
  return {
    store: new Keyv({ ...RAW_VALUES, store: adapter as KeyvStoreAdapter }),
    redis,
    async count(key, count, lifeMs, onLate) {
      const options = { keys: [key], arguments: [String(count), String(lifeMs)] };
      let late = false;
      const inTime = await redis.run(async ({ client }) => {
        const [total, leftMs] = (await client.eval(ADD_SCRIPT, options)) as [number, number];
        if (late) onLate({ total, leftMs });
        return { total, leftMs };
      });
      late = true;
      return inTime;
    },
    take: (key, owner, lifeMs) =>
      redis.run(async ({ client }) => {
        const options = { NX: true as const, PX: Math.max(1, Math.ceil(lifeMs)) };
        return (await client.set(key, owner, options)) === null ? 'held' : 'taken';
      }),
    async giveBack(key, owner) {
      await redis.run(({ client }) => client.eval(RELEASE_LEASE_SCRIPT, { keys: [key], arguments: [owner] }));
    },
  };
}
