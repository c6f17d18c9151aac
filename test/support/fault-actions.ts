import assert from 'node:assert/strict';
import type { Client } from 'pg';
import { collectErrors } from './fleet.js';
import type { Fleet, Link } from './fleet.js';
import { waitFor } from './wait-for.js';

/** Begins a fault. @returns ends it */
export type Action = (fleet: Fleet, random: () => number) => Promise<() => Promise<void>>;

export type ServiceName = 'gateway' | 'postgres' | 'redis' | 'vendors' | 'consumer';

interface Service {
  /** SIGKILL. */
  kill(): Promise<void>;
  /** As an operator does. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP, and SIGCONT. */
  pause(): void;
  resume(): void;
}

const pick = <T>(items: readonly T[], random: () => number): T => items[Math.floor(random() * items.length)]!;

/** Of the gateways, a random one. */
function serviceOf(fleet: Fleet, name: ServiceName, random: () => number): Service {
  if (name === 'gateway') {
    const gateway = pick(fleet.gateways, random);
    const end = (how: 'kill' | 'stop') => () => {
      collectErrors(fleet, gateway);
      return gateway[how]();
    };
    return {
      kill: end('kill'),
      stop: end('stop'),
      start: async () => gateway.start(),
      pause: () => gateway.signal('SIGSTOP'),
      resume: () => gateway.signal('SIGCONT'),
    };
  }
  if (name === 'postgres') {
    const { postgres } = fleet;
    return {
      kill: () => postgres.kill(),
      stop: () => postgres.stop(),
      start: () => postgres.start(),
      pause: () => postgres.pause(),
      resume: () => postgres.resume(),
    };
  }
  if (name === 'redis') {
    const redis = fleet.redis!;
    return {
      kill: () => redis.kill(),
      stop: () => redis.kill(),
      start: () => redis.start(),
      pause: () => redis.pause(),
      resume: () => redis.resume(),
    };
  }
  const recorder = fleet[name];
  return {
    kill: () => recorder.kill(),
    stop: () => recorder.kill('SIGTERM'),
    start: () => recorder.start(),
    pause: () => recorder.signal('SIGSTOP'),
    resume: () => recorder.signal('SIGCONT'),
  };
}

/** Kills one of these services. */
export const kill =
  (...names: ServiceName[]): Action =>
  async (fleet, random) => {
    const service = serviceOf(fleet, pick(names, random), random);
    await service.kill();
    return () => service.start();
  };

export const restart =
  (name: ServiceName): Action =>
  async (fleet, random) => {
    const service = serviceOf(fleet, name, random);
    await service.stop();
    return () => service.start();
  };

export const pause =
  (name: ServiceName): Action =>
  async (fleet, random) => {
    const service = serviceOf(fleet, name, random);
    service.pause();
    return async () => service.resume();
  };

/** Resets the connections, and refuses new ones. */
export const cut =
  (...links: Link[]): Action =>
  async (fleet) => {
    const proxies = links.flatMap((link) => fleet.links[link]);
    await Promise.all(proxies.map((proxy) => proxy.refuse()));
    return async () => void (await Promise.all(proxies.map((proxy) => proxy.accept())));
  };

/** Drops everything, without a reset. */
export const partition =
  (...links: Link[]): Action =>
  async (fleet) => {
    const proxies = links.flatMap((link) => fleet.links[link]);
    for (const proxy of proxies) proxy.blackHole = true;
    return async () => {
      for (const proxy of proxies) proxy.blackHole = false;
    };
  };

export const slow =
  (link: Link, delayMs: number): Action =>
  async (fleet) => {
    for (const proxy of fleet.links[link]) proxy.delayMs = delayMs;
    return async () => {
      for (const proxy of fleet.links[link]) proxy.delayMs = 0;
    };
  };

/** Resets each connection on which these words are sent, after they were processed and before the response arrives. */
export const loseResponses =
  (link: Link, words: string): Action =>
  async (fleet) => {
    const proxies = fleet.links[link];
    const resets = () => proxies.reduce((sum, proxy) => sum + proxy.resets, 0);
    const before = resets();
    for (const proxy of proxies) proxy.resetOn(words, 'after');
    await waitFor('a response is lost', () => resets() > before);
    return async () => {
      for (const proxy of proxies) proxy.stopResets();
    };
  };

/** Kills the primary and promotes its replica. The next primary gets a replica too. */
export const promote: Action = async (fleet) => {
  const { postgres, replica } = fleet;
  assert(replica);
  await postgres.kill();
  await replica.promote();
  const [proxy] = fleet.links.postgres;
  proxy!.targetPort = replica.port;
  fleet.postgres = replica;
  fleet.replica = undefined;
  return () => postgres.destroy();
};

export const addReplica = async (fleet: Fleet) => {
  fleet.replica = await fleet.postgres.createReplica();
};

/** Sets the clock of the first gateway. */
export const stepClock: Action = async ({ gateways: [gateway] }) => {
  gateway!.signal('SIGUSR2');
  return async () => undefined;
};

/** PostgreSQL may end on a full disk; then it is started again. */
export const fillDisk: Action = async ({ disk, postgres }) => {
  const empty = disk!.fill();
  return async () => {
    empty();
    await postgres.stop('SIGQUIT');
    await postgres.start();
  };
};

/** PostgreSQL ends, and with it all that was not flushed. */
export const losePower: Action = async ({ disk, postgres }) => {
  await postgres.kill();
  disk!.losePower();
  return () => postgres.start();
};

/** Takes every connection of PostgreSQL. */
export const exhaustConnections: Action = async ({ postgres }) => {
  const hogs: Client[] = [await postgres.client('postgres')];
  const terminateOthers = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rewards-gateway'`;
  // Gateways connect in the background.
  do {
    for (;;) {
      const hog = await postgres.client('postgres').catch(() => undefined);
      if (hog === undefined) break;
      hogs.push(hog);
    }
  } while ((await hogs[0]!.query(terminateOthers)).rowCount! > 0);
  return async () => void (await Promise.all(hogs.map((hog) => hog.end())));
};

export const makeReadOnly: Action = async ({ postgres }) => {
  const set = async (value: 'on' | 'off') => {
    const client = await postgres.client('postgres');
    await client.query('set default_transaction_read_only = off');
    await client.query(`alter system set default_transaction_read_only = ${value}`);
    await client.query('select pg_reload_conf()');
    await client.end();
  };
  await set('on');
  return () => set('off');
};

export const lockLedger: Action = async ({ postgres }) => {
  const client = await postgres.client('postgres');
  await client.query('begin; lock table ledger in access exclusive mode');
  return () => client.end();
};

/** Sends a command to Redis, and another one at the end. */
export const commandRedis =
  (begin: string, end = 'ping'): Action =>
  async ({ redis }) => {
    await redis!.command(...begin.split(' '));
    return async () => void (await redis!.command(...end.split(' ')));
  };

/** Ends a fault as soon as it has begun. */
export const atOnce =
  (action: Action): Action =>
  async (fleet, random) => {
    const end = await action(fleet, random);
    await end();
    return async () => undefined;
  };

/** Begins two different ones of these. */
export const twoOf =
  (...actions: Action[]): Action =>
  async (fleet, random) => {
    const first = pick(actions, random);
    const second = pick(
      actions.filter((action) => action !== first),
      random,
    );
    const ends = [await first(fleet, random), await second(fleet, random)];
    return async () => {
      for (const end of ends) await end();
    };
  };
