import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CallbackSender, isAccepted } from './callback-sender.js';
import type { FeedEntry } from './callback-sender.js';
import { FeedReader, waitForMoment } from './crash-world.js';
import type { Fault } from './faults.js';
import { collectErrors } from './fleet.js';
import type { Fleet } from './fleet.js';
import { FleetTraffic } from './fleet-traffic.js';
import type { Attempt, Kind } from './fleet-traffic.js';
import { allDelivered, countUnfinished, expireLostLeases, readTotals } from './reconciliation.js';
import type { RetryingKiipClient } from './retrying-kiip-client.js';
import { waitFor } from './wait-for.js';

const CALM_MS = 2_000;
/** With the default DATABASE_TIMEOUT_MS. */
const LEASE_SECONDS = 31;
const SETTLE_SECONDS = 90;
/** How many of the kills hit a gateway that starts. */
const AT_START = 1 / 8;
/** What a gateway may answer: 200, and these while something fails. */
const STATUSES: Record<Kind, readonly number[]> = {
  callback: [503],
  count: [502, 503, 504],
  moment: [409, 502, 503, 504],
};

/** A row of the report. */
export interface FaultResult {
  readonly name: string;
  readonly rounds: number;
  readonly kills: number;
  readonly requests: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly doubled: number;
  readonly failed: number;
  readonly addedP99Ms: number;
  /** Of each recovery that was awaited. */
  readonly recoveryMs: readonly number[];
  /** Everything that must not be, in words. */
  readonly problems: readonly string[];
}

/** Injects a fault, round after round, into a fleet under load, and checks everything that was acknowledged meanwhile. */
export async function runFault(
  fleet: Fleet,
  fault: Fault,
  rounds: number,
  random: () => number,
): Promise<FaultResult> {
  const { consumer, vendors, gateways, origins, recorded, errors } = fleet;
  const before = {
    events: consumer.received().length,
    moments: vendors.received().length,
    errors: errors.size,
  };
  const traffic = new FleetTraffic(origins);
  const recovered = () => traffic.recovered((id) => consumer.hasReceived(id));
  await recovered();
  const reader = new FeedReader(origins[0]!, recorded.cursor);
  const calmAt = performance.now();
  await sleep(CALM_MS);
  const begunAt = performance.now();
  const faultyMs: [from: number, to: number][] = [];
  const recoveryMs: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    await fault.prepare?.(fleet);
    await waitForMoment(random() < AT_START ? 'start' : 'traffic', gateways[0]!, traffic.kiip, random);
    const from = performance.now();
    const end = await fault.begin(fleet, random);
    const [shortest, longest] = fault.holdMs;
    await sleep(shortest + random() * (longest - shortest));
    const endedAt = performance.now();
    await end();
    if (round % (fault.recoverEvery ?? 1) === 0 || round === rounds) {
      await recovered();
      recoveryMs.push(performance.now() - endedAt);
    }
    faultyMs.push([from, performance.now()]);
  }
  await within(SETTLE_SECONDS, 'the last callback is acknowledged', traffic.finish());
  const unsettled = await settle(fleet);
  await within(SETTLE_SECONDS, 'the feed is read', reader.finish());
  // Before, gateways may have started.
  const attempts = traffic.attempts.filter(({ startedAtMs }) => startedAtMs >= calmAt);
  const during = ([from, to]: readonly [number, number]) =>
    attempts.filter(({ startedAtMs, endedAtMs }) => endedAtMs >= from && startedAtMs <= to);
  const failed = attempts.filter(({ outcome }) => outcome !== 200);

  const { origin } = gateways[0]!;
  const sender = new CallbackSender();
  const ledger = await sender.ledger(origin, recorded.cursor);
  await sender.close();
  fleet.recorded = { entries: recorded.entries + ledger.length, cursor: reader.cursor! };
  for (const gateway of gateways) collectErrors(fleet, gateway);
  const counts = countLost(traffic.kiip, {
    ledger,
    // An event may arrive again, under its id.
    events: [...new Set(consumer.received().slice(before.events))],
    moments: vendors.received().slice(before.moments),
  });
  return {
    name: fault.name,
    rounds,
    kills: (fault.kills ?? 0) * rounds,
    requests: attempts.length,
    ...counts,
    failed: failed.length,
    addedP99Ms: Math.max(0, p99(faultyMs.flatMap(during)) - p99(during([calmAt, begunAt]))),
    recoveryMs,
    problems: [
      ...findForbidden(fault, failed),
      ...unsettled,
      ...[...errors].slice(before.errors),
      ...(String(reader.entries.map(({ id }) => id)) === String(ledger.map(({ id }) => id))
        ? []
        : ['a reader of the feed missed an entry']),
      // An entry of a clock that is ahead is in no window until then.
      ...(fault.fleet?.clock ? [] : await findUnreconciled(origin, fleet.recorded.entries)),
    ],
  };
}

/** Failed requests that must not fail in this way, or not at all. */
function findForbidden({ mayFail, mayTimeOut }: Fault, failed: readonly Attempt[]): string[] {
  const forbidden = failed.filter(({ kind, outcome }) => {
    const isUsual =
      typeof outcome === 'number'
        ? STATUSES[kind].includes(outcome)
        : mayTimeOut || !outcome.includes('TIMEOUT');
    return !isUsual || !mayFail.includes(kind);
  });
  return [...Map.groupBy(forbidden, ({ kind, outcome }) => `a ${kind} got ${outcome}`)].map(
    ([text, { length }]) => `${length} x ${text}`,
  );
}

/** Waits until everything is recorded and delivered, sooner than the schedule says. @returns what is not */
async function settle({ postgres, spool }: Fleet): Promise<string[]> {
  const database = { query: (text: string) => postgres.query('postgres', text) };
  const isSettled = async () => {
    await sleep(200);
    await expireLostLeases(database, LEASE_SECONDS);
    await database.query(
      `update deliveries set next_attempt_at = now() where status = 'pending' and next_attempt_at > now()`,
    );
    const isRecorded = readdirSync(spool).every((name) => !name.endsWith('.callbacks'));
    return isRecorded && (await countUnfinished(database)) === 0;
  };
  return waitFor('everything is delivered', isSettled, SETTLE_SECONDS).then(
    () => [],
    (error: unknown) => [String(error)],
  );
}

interface Stored {
  readonly ledger: readonly FeedEntry[];
  /** Transaction and id of each. */
  readonly events: readonly string[];
  /** The user of each. */
  readonly moments: readonly string[];
}

/** Looks for every callback that was acknowledged, in the ledger and at the consumer, and for everything that is there twice. */
function countLost({ acknowledged }: RetryingKiipClient, { ledger, events, moments }: Stored) {
  const entries = Map.groupBy(ledger.filter(isAccepted), ({ transaction_id }) => transaction_id);
  const delivered = Map.groupBy(events, (line) => line.split(' ')[0]!);
  const lost = [...acknowledged].filter(([transaction, responses]) => {
    const entry = entries.get(transaction)?.[0];
    const isNamed = responses.every(({ outcome, id }) => outcome === 'spooled' || id === entry?.id);
    return entry === undefined || !isNamed || !delivered.has(transaction);
  });
  const doubled = [entries, delivered, Map.groupBy(moments, (user) => user)].flatMap((groups) =>
    [...groups.values()].filter(({ length }) => length > 1),
  );
  return { acknowledged: acknowledged.size, lost: lost.length, doubled: doubled.length };
}

/** The totals, if they are not those of a ledger whose entries are all delivered. */
async function findUnreconciled(origin: string, entries: number): Promise<string[]> {
  const expected = allDelivered(entries);
  const [said, wanted] = [await readTotals(origin), expected].map((totals) =>
    JSON.stringify(totals, Object.keys(expected)),
  );
  return said === wanted ? [] : [`the reconciliation says ${said}`];
}

function p99(attempts: readonly Attempt[]): number {
  const durations = attempts
    .filter(({ outcome }) => outcome === 200)
    .map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs)
    .toSorted((one, other) => one - other);
  return durations[Math.floor(durations.length * 0.99)] ?? 0;
}

async function within(seconds: number, what: string, work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = sleep(seconds * 1_000, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`timed out after ${seconds} s waiting until ${what}`);
  });
  late.catch(() => undefined);
  await Promise.race([work, late]).finally(() => timer.abort());
}
