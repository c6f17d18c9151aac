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
import { waitFor } from './wait-for.js';

/** The log messages for late replies of Redis. */
const TIMEOUT_MESSAGES: readonly unknown[] = [
  'Redis unavailable; using local cache',
  'Redis command timed out',
];

/** A simulated Kigo that knows every user, a Redis that is not started yet, and the gateways that use both. */
export class RedisWorld {
  private readonly gateways: Gateway[] = [];
  private traffic: Traffic | undefined;
  private trials = 0;

  private constructor(
    readonly kigo: KigoSandbox,
    readonly redis: RedisServer,
    /** The gateways connect to Redis through this proxy. */
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

  /** Starts a gateway and waits until it uses Redis. */
  async sharingGateway(env: Environment = {}): Promise<Gateway> {
    const gateway = await this.gateway(env);
    await untilRedisIsUp(gateway);
    return gateway;
  }

  /** Starts traffic on all gateways. */
  startTraffic(): Traffic {
    this.traffic = startTraffic(this.gateways);
    return this.traffic;
  }

  async stopTraffic(): Promise<void> {
    await this.traffic?.stop();
  }

  /** Message and reason of the log lines about Redis, without debug lines. */
  reports(): [msg: unknown, reason: unknown][] {
    return this.log()
      .filter(({ level }) => level !== 'debug')
      .map(({ msg, reason }) => [msg, reason]);
  }

  /** Waits until Redis holds an entry whose key contains `part`. */
  async stored(part: string): Promise<void> {
    // An entry that is not stored soon was skipped because Redis was unavailable.
    await waitFor(
      `an entry of ${part} is stored`,
      async () => (await this.redis.dump()).some(([key]) => key.includes(part) && !key.includes('lease:')),
      5,
    );
  }

  /**
   * Runs a trial that needs every reply of Redis in time. If a reply was late because the machine is busy, a failure proves
   * nothing and the trial is repeated with another user.
   */
  async retryOnTimeout(trial: (user: string) => Promise<void>): Promise<void> {
    const late = () => this.log().filter(({ msg }) => TIMEOUT_MESSAGES.includes(msg)).length;
    for (let left = 9; ; left -= 1) {
      const before = late();
      try {
        await untilRedisIsUp(...this.gateways);
        this.trials += 1;
        return await trial(`trial-${this.trials}`);
      } catch (error) {
        if (left === 0 || late() === before) throw error;
      }
    }
  }

  /** Requests a new user at one gateway and then at the other, and expects calls to Kigo from the first only. */
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

  /** Nest has one logger per process: the log of the last gateway has the lines of all. */
  private log(): Record<string, unknown>[] {
    return this.gateways.flatMap(({ log }) => log).filter(({ context }) => context === 'Redis');
  }

  async closeGateways(): Promise<void> {
    await Promise.all(this.gateways.splice(0).map((gateway) => gateway.close()));
  }

  /** Removes a gateway, which the test closes itself. */
  release(gateway: Gateway): void {
    this.gateways.splice(this.gateways.indexOf(gateway), 1);
  }

  async close(): Promise<void> {
    await this.stopTraffic();
    await this.closeGateways();
    await this.proxy.close();
    await this.redis.close();
    await this.kigo.close();
  }
}

interface Report {
  readonly redis: { readonly state: string };
}

/** The state of Redis in a gateway: `up` or `down`. */
export async function redisState(gateway: Gateway): Promise<string> {
  const response = await gateway.get('/health/ready');
  const report = (await response.json()) as Partial<Record<'checks' | 'details', Report>>;
  // These gateways have no database, so the response is a problem with `checks`.
  return (report.checks ?? report.details)!.redis.state;
}

export async function untilRedisIsUp(...gateways: Gateway[]): Promise<void> {
  for (const gateway of gateways)
    await waitFor('Redis is up', async () => (await redisState(gateway)) === 'up');
}

export async function untilRedisIsDown(...gateways: Gateway[]): Promise<void> {
  for (const gateway of gateways)
    await waitFor('Redis is down', async () => (await redisState(gateway)) === 'down');
}

/** The part of a cache key that identifies the subject. */
export function keyPart(...ids: string[]): string {
  return hash('sha256', JSON.stringify(ids), 'base64url');
}

/** Setting no property of an existing account returns it. */
function getAccountId(kigo: KigoSandbox, user: string): string {
  const ids = { external_user_id: user, external_program_id: 'program456' };
  return String(kigo.setAccount(ids).account_id);
}
