import { randomUUID } from 'node:crypto';
import type { RedisStore as RedisCommands } from 'cache-manager-redis-yet';
import { RedisConnection } from './redis-connection.js';
import type { RedisSession } from './redis-connection.js';
import { findMaster } from './redis-sentinel.js';

export type { RedisCommands };

/** A counter and what is left of its lifetime. */
export interface CounterValue {
  readonly total: number;
  readonly remainingMs: number;
}

/** Adds, and sets the expiry with the first addition: a counter without an expiry would reject calls for ever. */
const ADD_SCRIPT = `
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
local remaining = redis.call('PTTL', KEYS[1])
if remaining < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  remaining = tonumber(ARGV[2])
end
return {total, remaining}`;

/**
 * Every command that we send, on a key of our own: `up` means that they work. SET is the first, since a server without memory lets
 * a script that has written go on.
 */
const PROBE_SCRIPT = `
redis.call('SET', KEYS[1], '0', 'PX', ARGV[1])
redis.call('INCRBY', KEYS[1], 1)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PTTL', KEYS[1])
redis.call('GET', KEYS[1])
return redis.call('DEL', KEYS[1])`;
const PROBE_TTL_MS = 60_000;
/** Their hash slots lie evenly between 0 and 16,383. A node of a cluster that has not all slots rejects some of them. */
const SLOT_TAGS = [18, 3, 83, 157, 105, 2, 95, 141, 111, 34, 81, 155, 107, 129, 97, 48];

/** Takes nothing if less than the least amount would be left. */
const TAKE_SCRIPT = `
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
local remaining = redis.call('PTTL', KEYS[1])
if remaining < 0 or remaining > tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
if total - ARGV[2] < tonumber(ARGV[3]) then return 0 end
redis.call('INCRBY', KEYS[1], -ARGV[2])
return 1`;

const SET_MARK_SCRIPT = `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '1', 'PX', ARGV[1]) end`;

const RELEASE_LEASE_SCRIPT = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`;

/**
 * Counters and leases in Redis, shared by all replicas. No method throws or waits for long: without Redis, or while it is
 * unavailable or slow, they return undefined.
 */
export class RedisStore {
  private readonly owner = randomUUID();

  /** @param connection undefined when no Redis is configured */
  constructor(private readonly connection?: RedisConnection<RedisCommands>) {}

  get status(): 'up' | 'down' | 'not-configured' {
    return this.connection?.state ?? 'not-configured';
  }

  /** When Redis last replied to a ping in time. */
  get lastSuccessAt(): Date | undefined {
    return this.connection?.lastSuccessAt;
  }

  /**
   * Adds to a counter, which expires `ttlMs` after its first addition.
   * @param onLateReply called with the reply of Redis if it comes too late to be returned
   * @returns undefined when Redis did not reply in time
   */
  async add(
    key: string,
    amount: number,
    ttlMs: number,
    onLateReply: (counter: CounterValue) => void = () => undefined,
  ): Promise<CounterValue | undefined> {
    const options = { keys: [key], arguments: [String(amount), String(ttlMs)] };
    let late = false;
    const counter = await this.connection?.run(async ({ client }) => {
      const [total, remainingMs] = (await client.eval(ADD_SCRIPT, options)) as [number, number];
      if (late) onLateReply({ total, remainingMs });
      return { total, remainingMs };
    });
    late = true;
    return counter;
  }

  /**
   * Adds to a counter, and then takes from it, unless less than `least` would be left. It expires `ttlMs` after its first addition.
   * @returns whether it took; undefined when Redis did not reply in time
   */
  async addAndTake(
    key: string,
    add: number,
    take: number,
    { least, ttlMs }: { least: number; ttlMs: number },
  ): Promise<boolean | undefined> {
    const taken = await this.evaluate<0 | 1>(TAKE_SCRIPT, [key], [add, take, least, ttlMs].map(String));
    return taken === undefined ? undefined : taken === 1;
  }

  /** Sets a mark, which expires after `ttlMs`. One that lasts longer already stays. */
  async setMark(key: string, ttlMs: number): Promise<void> {
    await this.evaluate(SET_MARK_SCRIPT, [key], [String(Math.ceil(ttlMs))]);
  }

  /** @returns how long a mark lasts, in milliseconds; not above 0 if it has expired; undefined when Redis did not reply in time */
  async readMark(key: string): Promise<number | undefined> {
    return this.connection?.run(({ client }) => client.pTTL(key));
  }

  /**
   * Acquires a lease, which one process holds at a time and which expires after `ttlMs`.
   * @returns `held` while another process has it; undefined when Redis did not reply in time
   */
  async acquireLease(key: string, ttlMs: number): Promise<'acquired' | 'held' | undefined> {
    return this.connection?.run(async ({ client }) => {
      const options = { NX: true as const, PX: Math.max(1, Math.ceil(ttlMs)) };
      return (await client.set(key, this.owner, options)) === null ? 'held' : 'acquired';
    });
  }

  /** Releases a lease before it expires, unless another process holds it by now. */
  async releaseLease(key: string): Promise<void> {
    await this.evaluate(RELEASE_LEASE_SCRIPT, [key], [this.owner]);
  }

  /** Runs a script, which may use the commands of the probe. @returns undefined when Redis did not reply in time */
  async evaluate<T>(script: string, keys: string[], args: string[]): Promise<T | undefined> {
    return this.connection?.run(
      async ({ client }) => (await client.eval(script, { keys, arguments: args })) as T,
    );
  }
}

/**
 * Connects in the background.
 * @param sentinels their URLs, if `url` has the name of a master as its host
 */
export async function connectRedis(
  url: string,
  sentinels: readonly string[],
  probeKey: string,
): Promise<RedisConnection<RedisCommands>> {
  return new RedisConnection(await redisClients(url, sentinels, probeKey));
}

/** Makes clients. Imports them here only: that costs 75 MB that an installation without Redis need not pay. */
export async function redisClients(
  url: string,
  sentinels: readonly string[],
  probeKey: string,
): Promise<(signal: AbortSignal) => Promise<RedisSession<RedisCommands>>> {
  const [{ createClient }, { redisInsStore }] = await Promise.all([
    import('redis'),
    import('cache-manager-redis-yet'),
  ]);
  const probeOptions = { keys: [probeKey], arguments: [String(PROBE_TTL_MS)] };
  return async (signal) => {
    const newClient = (to: string) => {
      const { socket: address, ...options } = clientOptions(to);
      // net and tls destroy the socket on this signal, whatever its state.
      const socket = { ...address, connectTimeout: 2_000, reconnectStrategy: false as const, signal };
      return createClient({
        ...options,
        disableOfflineQueue: true,
        commandsQueueMaxLength: 10_000,
        // Without CLIENT SETINFO a connection is ready at once, or after AUTH.
        disableClientInfo: true,
        socket,
      });
    };
    const client = newClient(sentinels.length === 0 ? url : await findMaster(url, sentinels, newClient));
    client.unref();
    let known = false;
    const probe = async () => {
      // A server does not become a node of a cluster while we are connected to it.
      const tags = known ? [] : SLOT_TAGS;
      await Promise.all([
        client.eval(PROBE_SCRIPT, probeOptions),
        ...tags.map((tag) => client.pTTL(`${probeKey}:{${tag}}`)),
      ]);
      known = true;
    };
    return { client, commands: redisInsStore(client as never), probe };
  };
}

/** What a URL says. The client reads URLs, too, but leaves an IPv6 address in its brackets, and then looks that up as a name. */
function clientOptions(href: string) {
  const { protocol, hostname, port, username, password, pathname } = new URL(href);
  return {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: Number(pathname.slice(1)),
    socket: {
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(port || 6379),
      ...(protocol === 'rediss:' && { tls: true as const }),
    },
  };
}
