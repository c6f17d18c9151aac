import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import type { FeedEntry } from '../support/callback-sender.js';
import { credentials } from '../support/gateway.js';
import { factsOf, GenuineTraffic } from '../support/genuine-traffic.js';
import { startHostileTraffic } from '../support/hostile-traffic.js';
import { findSeries } from '../support/metrics.js';
import { Probes } from '../support/probes.js';
import { scale } from '../support/scale.js';
import { TrafficRun } from '../support/traffic-run.js';
import { startTrafficWorld } from '../support/traffic-world.js';
import type { TrafficWorld } from '../support/traffic-world.js';
import { waitFor } from '../support/wait-for.js';

/** Jest prints a seed: with `--seed=…`, the same requests are drawn again. */
const SECONDS = scale(10, 3_600);
const MOMENTS_PER_SECOND = 20;
const HOSTILE = {
  forgedPerSecond: 100,
  brokenPerSecond: 20,
  slow: 200,
  // One address may have 1,000 connections.
  burst: 1_100,
  burstEverySeconds: Math.min(20, SECONDS / 4),
};
/** What the deployment allows a process to use. */
const MEMORY_LIMIT = 768 * 2 ** 20;
const MEMORY_GROWTH = 1.5;
/** The memory of a process is still growing to its usual size before. */
const WARM_UP_SECONDS = 60;

let world: TrafficWorld;
let run: TrafficRun;
let genuine: GenuineTraffic;
let probes: Probes;
let ledger: FeedEntry[];
const sender = new CallbackSender(4);

beforeAll(
  async () => {
    world = await startTrafficWorld();
    run = new TrafficRun();
    const cpu = process.cpuUsage();
    genuine = new GenuineTraffic(run, world);
    probes = new Probes(run, world.replicas);
    genuine.start(MOMENTS_PER_SECOND);
    probes.start();
    startHostileTraffic(run, world, genuine, HOSTILE);
    await run.pause(SECONDS * 1_000);
    const { user, system } = process.cpuUsage(cpu);
    const cores = (user + system) / 1e6 / run.seconds;
    await run.stop();
    await Promise.all(world.replicas.map((_, index) => probes.scrape(index)));
    // A callback that came before the response to its moment is recorded soon after it.
    await waitFor('every event is delivered', () => world.delivered.size >= genuine.signed.length, 30).catch(
      () => undefined,
    );
    ledger = await sender.ledger(world.replicas[0]!.callers);
    console.info(describeRun(cores));
  },
  (SECONDS + 240) * 1_000,
);
afterAll(async () => {
  await sender.close();
  await world.close();
});

describe(`${SECONDS} seconds of random traffic, valid, forged, broken and slow, from many addresses`, () => {
  it('meets no fault: no refused callback that verifies, no lost probe, no 5xx, no forgery that is taken', () => {
    expect(run.faults).toEqual([]);
    expect(run.faultCount).toBe(0);
  });

  it('credits exactly what Kiip signed for a user who was rewarded, once', () => {
    const credited = ledger.filter(isAccepted).map(factsOf);
    const { facts } = genuine.expected();
    expect(facts.length).toBeGreaterThan((SECONDS * MOMENTS_PER_SECOND) / 2);
    expect(differences(facts, credited)).toEqual([]);
    expect(differences(credited, facts)).toEqual([]);
    expect(new Set(credited).size).toBe(credited.length);
    // Every answer names an entry that is there, also where another copy of the callback would have been enough.
    const ids = ledger.filter(isAccepted).map(({ id }) => id);
    expect(differences([...genuine.acknowledged], ids)).toEqual([]);
  });

  it('leaves every user with the balance that Kiip signed', async () => {
    for (const [user, quantity] of genuine.expected().balances) {
      const path = `/api/v1/kiip/users/${user}/balances`;
      const response = await fetch(world.replicas[1]!.callers + path, { headers: credentials });
      const { balances } = (await response.json()) as { balances: { quantity: number }[] };
      expect([user, balances.reduce((sum, balance) => sum + balance.quantity, 0)]).toEqual([user, quantity]);
    }
  });

  it('delivers what is credited to the consumer, and nothing else', () => {
    const credited = ledger.filter(isAccepted).map(({ id }) => id);
    expect(differences(credited, [...world.delivered.keys()])).toEqual([]);
    expect(differences([...world.delivered.keys()], credited)).toEqual([]);
  });

  it('loses no probe', () => {
    expect(probes.failed).toBe(0);
    // 16 a second are sent. A busy machine must leave enough of them to judge.
    expect(probes.sent - probes.unjudged).toBeGreaterThan(SECONDS * 8);
  });

  it('is counted without a response with status 5xx', () => {
    for (const pages of probes.pages) {
      const [before, after] = [pages[0]!, pages.at(-1)!].map(({ metrics }) =>
        findSeries(metrics, 'rewards_gateway_http_requests_total'),
      );
      // A probe gets 503 until the gateway is ready.
      const added = Object.keys(after!).filter((labels) => after![labels] !== before![labels]);
      expect(added.filter((labels) => labels.includes('status="5'))).toEqual([]);
    }
  });

  it('keeps the memory of every process bounded', () => {
    for (const memory of memories()) {
      expect(Math.max(...memory.map(({ rss }) => rss))).toBeLessThan(MEMORY_LIMIT);
      if (SECONDS < 3 * WARM_UP_SECONDS) continue;
      const early = memory.filter(
        ({ seconds }) => seconds > WARM_UP_SECONDS && seconds < 2 * WARM_UP_SECONDS,
      );
      const late = memory.filter(({ seconds }) => seconds > SECONDS - WARM_UP_SECONDS);
      expect(median(late) / median(early)).toBeLessThan(MEMORY_GROWTH);
    }
  });

  it('logs no error', () => {
    for (const { process } of world.replicas) {
      const lines = process.log().filter(({ level }) => level === 'error' || level === 'fatal');
      expect(lines.slice(0, 10)).toEqual([]);
      expect(process.errors()).toBe('');
    }
  });
});

const memories = () =>
  probes.pages.map((pages) =>
    pages.map(({ seconds, metrics }) => ({ seconds, rss: metrics['process_resident_memory_bytes']! })),
  );

const loads = () =>
  probes.pages.map((pages) => {
    const cpu =
      pages.at(-1)!.metrics['process_cpu_seconds_total']! - pages[0]!.metrics['process_cpu_seconds_total']!;
    return (cpu / (pages.at(-1)!.seconds - pages[0]!.seconds)).toFixed(2);
  });

function median(memory: readonly { rss: number }[]): number {
  return memory.map(({ rss }) => rss).toSorted((one, other) => one - other)[Math.floor(memory.length / 2)]!;
}

/** The first of those that the others do not have. */
function differences(texts: readonly string[], others: readonly string[]): string[] {
  const set = new Set(others);
  return texts.filter((text) => !set.has(text)).slice(0, 10);
}

function describeRun(cores: number): string {
  const quarantined = ledger.filter(({ status }) => status === 'quarantined').length;
  const megabytes = memories().map((memory) =>
    [memory[0], memory[Math.floor(memory.length / 2)], memory.at(-1)].map((sample) =>
      Math.round((sample?.rss ?? 0) / 2 ** 20),
    ),
  );
  const messages = world.replicas.flatMap(({ process }) => process.log().map(({ msg }) => String(msg)));
  const logged = [...Map.groupBy(messages, (msg) => msg)].map(([msg, { length }]) => `${length} x ${msg}`);
  return [
    `${run.seconds.toFixed(0)} s of random traffic, which took ${cores.toFixed(2)} of a core to make`,
    `genuine callbacks: ${genuine.signed.length} signed, ${ledger.filter(isAccepted).length} recorded, ${world.delivered.size} delivered; ${quarantined} others quarantined`,
    `probes: ${probes.sent} sent, ${probes.failed} failed, ${probes.unjudged} not judged, the slowest took ${probes.slowestMs.toFixed(0)} ms`,
    `processor of each gateway: ${loads().join(' and ')} of a core`,
    `memory of each process at the start, in the middle and at the end: ${megabytes.map((list) => list.join(', ')).join(' and ')} MB`,
    ...run.describe(),
    `logged: ${logged.join(', ')}`,
  ].join('\n');
}
