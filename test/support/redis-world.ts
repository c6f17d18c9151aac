import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { startKigoSandbox } from '@rewards-gateway/sandbox';
import type { KigoSandbox } from '@rewards-gateway/sandbox';
import type { Environment } from '../../src/config/read-config.js';
import { badge, startGateway } from './gateway.js';
import type { Gateway } from './gateway.js';
import { createRedis } from './redis.js';
import type { RedisServer } from './redis.js';
import { FaultProxy } from './fault-proxy.js';
import { startTraffic } from './traffic.js';
import type { Traffic } from './traffic.js';
import { until } from './wait-for.js';

/** What the log says when Redis was not in time. */
const TIMEOUT_MESSAGES: readonly unknown[] = [
  'Redis unavailable; using local cache',
  'Redis command timed out',
];

/** A simulated Kigo that knows every user, a Redis that does not run yet, and the gateways that use both. */
export class RedisWorld {
  private readonly gateways: Gateway[] = [];
  private traffic: Traffic | undefined;

  private constructor(
    readonly kigo: KigoSandbox,
    readonly redis: RedisServer,
    /** The gateways reach Redis through it. */
    readonly proxy: FaultProxy,
    private readonly redisUrl: string,
  ) {
    kigo.configure({ unknownUser: 'create' });
  }

  /**
   * @param direct the gateways reach Redis without the proxy, for tests that need no bad network: the proxy shares the event
   *   loop with the gateways and makes replies late on a busy machine
   */
  static async create({ direct = false } = {}): Promise<RedisWorld> {
    const redis = await createRedis();
    const proxy = await FaultProxy.to(redis.port);
    return new RedisWorld(await startKigoSandbox(), redis, proxy, direct ? redis.url : proxy.url);
  }

  async gateway(env: Environment = {}): Promise<Gateway> {
    const gateway = await startGateway({ KIGO_BASE_URL: this.kigo.url, REDIS_URL: this.redisUrl, ...env });
    this.gateways.push(gateway);
    return gateway;
  }

  /** A gateway that has Redis in use: until then it would answer without. */
  async sharingGateway(env: Environment = {}): Promise<Gateway> {
    const gateway = await this.gateway(env);
    await untilRedisIsUp(gateway);
    return gateway;
  }

  /** Traffic on all gateways. */
  startTraffic(): Traffic {
    this.traffic = startTraffic(this.gateways);
    return this.traffic;
  }

  /** What the log tells an operator of Redis. */
  reports(): [msg: unknown, reason: unknown][] {
    return this.log()
      .filter(({ level }) => level !== 'debug')
      .map(({ msg, reason }) => [msg, reason]);
  }

  /** Waits until Redis holds an entry whose key has this part. */
  async stored(part: string): Promise<void> {
    // What is not stored at once was skipped, since Redis was aside, and will not be.
    await until(
      `an entry of ${part} is stored`,
      async () => (await this.redis.dump()).some(([key]) => key.includes(part)),
      5,
    );
  }

  /**
   * Runs a trial that needs every answer of Redis in time. On a machine so busy that one is late it proves nothing, and is
   * made again, with another user.
   */
  async retryOnTimeout(trial: (user: string) => Promise<void>): Promise<void> {
    const late = () => this.log().filter(({ msg }) => TIMEOUT_MESSAGES.includes(msg)).length;
    for (let left = 9; ; left -= 1) {
      const before = late();
      try {
        await untilRedisIsUp(...this.gateways);
        return await trial(`trial-${left}`);
      } catch (error) {
        if (left === 0 || late() === before) throw error;
      }
    }
  }

  /** Asks at one gateway for a user that none has met, and then at the other: Kigo hears of it once. */
  async expectShared(first: Gateway, second: Gateway): Promise<void> {
    await this.retryOnTimeout(async (user) => {
      assert.equal((await first.get(badge(user))).status, 200);
      await this.stored(keyPart(user, 'program456'));
      await this.stored(keyPart(getAccountId(this.kigo, user)));
      this.kigo.clearRequests();
      const response = await second.get(badge(user));
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('cache-status'), 'rewards-gateway; hit');
      assert.deepEqual(this.kigo.requests(), []);
    });
  }

  /** Nest has one logger for the process: all speaks through the last gateway. */
  private log(): Record<string, unknown>[] {
    return this.gateways.flatMap(({ log }) => log).filter(({ context }) => context === 'Redis');
  }

  /** Gives up a gateway: it is the test's to close. */
  release(gateway: Gateway): void {
    this.gateways.splice(this.gateways.indexOf(gateway), 1);
  }

  async close(): Promise<void> {
    await this.traffic?.stop();
    await Promise.all(this.gateways.map((gateway) => gateway.close()));
    await this.proxy.close();
    await this.redis.close();
    await this.kigo.close();
  }
}

interface Report {
  readonly redis: { readonly state: string };
}

/** What a gateway says of Redis: `up` when it is in use, else `down`. */
export async function redisState(gateway: Gateway): Promise<string> {
  const response = await gateway.get('/health/ready');
  const report = (await response.json()) as Partial<Record<'checks' | 'details', Report>>;
  // These gateways have no database, so they are not ready: what a problem lists are its `checks`.
  return (report.checks ?? report.details)!.redis.state;
}

export async function untilRedisIsUp(...gateways: Gateway[]): Promise<void> {
  for (const gateway of gateways)
    await until('Redis available', async () => (await redisState(gateway)) === 'up');
}

export async function untilRedisIsDown(...gateways: Gateway[]): Promise<void> {
  for (const gateway of gateways)
    await until('Redis unavailable; using local cache', async () => (await redisState(gateway)) === 'down');
}

/** The part of a cache key that names what was asked about. */
export function keyPart(...ids: string[]): string {
  return hash('sha256', JSON.stringify(ids), 'base64url');
}

/** Setting nothing of an account that there is gives the account. */
function getAccountId(kigo: KigoSandbox, user: string): string {
  const ids = { external_user_id: user, external_program_id: 'program456' };
  return String(kigo.setAccount(ids).account_id);
}
