import { Pool } from 'undici';
import { membersOf } from '../support/callback-receiver.js';
import { CallbackSender, isAccepted } from '../support/callback-sender.js';
import { Deployment } from '../support/deployment.js';
import { badge, credentials } from '../support/gateway.js';
import { describeWithHaproxy } from '../support/haproxy.js';
import { send, startClient } from '../support/keep-alive-client.js';
import type { ClientOptions } from '../support/keep-alive-client.js';
import { momentOf } from '../support/kiip-world.js';
import { buildNextVersion } from '../support/next-version.js';
import type { NextVersion } from '../support/next-version.js';
import type { Draw } from '../support/random-draw.js';
import { countUnfinished } from '../support/reconciliation.js';
import { scale } from '../support/scale.js';
import { TrafficRun } from '../support/traffic-run.js';
import { startSurroundings } from '../support/traffic-world.js';
import type { SignedCallback, Surroundings } from '../support/traffic-world.js';
import { waitFor } from '../support/wait-for.js';

/** The seconds of the manifests pass so many times as fast, except in `npm run test:full`. */
const SPEED = scale(3, 1);
/** To the next version, back to this one, and so on. */
const ROLL_OUTS = scale(1, 4);
/** Clients that keep a connection, and use it less often than once a second. */
const QUIET_CLIENTS = scale(20, 60);
const QUIET_EVERY_MS = 1_600 / SPEED;
/** The `dist/main.js` of an older version, to start with. */
const PREVIOUS = process.env['TEST_PREVIOUS_VERSION'];

/** This test sends more than a caller may, and a busy machine is slower than a vendor. */
const MORE = {
  RATE_LIMIT_PER_MINUTE: '0',
  KIGO_TIMEOUT_MS: '8000',
  KIIP_TIMEOUT_MS: '8000',
  DATABASE_TIMEOUT_MS: '6000',
};

const json = { ...credentials, 'content-type': 'application/json' };
const user = (draw: Draw) => `user-${draw.below(300)}`;
const aBadge = (draw: Draw) => ({ path: badge(user(draw)), headers: credentials });
const aMoment = (draw: Draw) => ({
  path: '/api/v1/kiip/moments',
  headers: { ...json, 'idempotency-key': draw.hex(32) },
  body: JSON.stringify(momentOf(user(draw))),
});

describeWithHaproxy('three replicas that are replaced by those of the next version, which migrates', () => {
  let surroundings: Surroundings;
  let next: NextVersion;
  let deployment: Deployment;
  let run: TrafficRun;
  let kiipPool: Pool;
  const signed: SignedCallback[] = [];
  const acknowledged: string[] = [];
  let before: unknown[];
  let endings: unknown[];

  function startTraffic(): void {
    const { callers, callbacks } = deployment.balancer;
    const start = (many: number, options: Omit<ClientOptions, 'origin'>, call: typeof aBadge) => {
      for (let left = many; left > 0; left -= 1) startClient(run, { origin: callers, ...options }, call);
    };
    start(6, { kind: 'badge', everyMs: 150 }, aBadge);
    start(QUIET_CLIENTS, { kind: 'badge of a quiet client', everyMs: QUIET_EVERY_MS }, aBadge);
    start(6, { kind: 'badge on a new connection', everyMs: 150, closes: true }, aBadge);
    start(4, { kind: 'moment', everyMs: 300 }, aMoment);
    kiipPool = new Pool(callbacks, { connections: 8 });
    surroundings.onCallback = (callback) => {
      signed.push(callback);
      run.track(sendCallback(callback));
    };
  }

  async function sendCallback({ body, contentType }: SignedCallback): Promise<void> {
    const call = { path: '/callbacks/kiip', headers: { 'content-type': contentType }, body };
    const answer = await send(run, kiipPool, 'callback', call);
    if (answer !== undefined) acknowledged.push((JSON.parse(answer) as { id: string }).id);
  }

  const migrations = async () =>
    (await surroundings.database.query('select name from gateway_migrations')).map(({ name }) => name);

  beforeAll(async () => {
    surroundings = await startSurroundings();
    // Some requests are in flight whenever a replica is told to stop.
    surroundings.kigo.addFault({ kind: 'slow', route: 'summary', rate: 0.1, delayMs: 500 });
    surroundings.kiip.addFault({ kind: 'slow', route: 'moment', rate: 0.2, delayMs: 500 });
    deployment = await Deployment.create({ ...surroundings.env, ...MORE }, SPEED);
    [next] = await Promise.all([buildNextVersion(), deployment.start(PREVIOUS)]);
    before = await migrations();
    run = new TrafficRun();
    startTraffic();
    await waitFor('events are delivered', () => surroundings.delivered.size > 10);
    endings = [];
    for (let count = 0; count < ROLL_OUTS; count += 1)
      endings.push(...(await deployment.rollOut(count % 2 === 0 ? next.entry : undefined)));
    await run.stop();
    await waitFor('nothing is left to deliver', async () => {
      const { delivered, database } = surroundings;
      return delivered.size >= signed.length && (await countUnfinished(database)) === 0;
    }).catch(() => undefined);
    console.info(
      [
        `${ROLL_OUTS} roll-outs in ${run.seconds.toFixed(0)} s, ${signed.length} events`,
        `the balancer was told of a deleted pod within ${deployment.slowestRemoval.toFixed(1)} s`,
        ...run.describe(),
      ].join('\n'),
    );
  }, 600_000);
  afterAll(async () => {
    // Not all of them exist when the start failed.
    await run?.stop();
    await kiipPool?.close();
    await deployment?.close();
    next?.remove();
    await surroundings?.close();
  });

  it('have the migration, and all ended by themselves', async () => {
    expect(before).not.toContain(next.migration);
    expect(await migrations()).toContain(next.migration);
    expect(endings).toEqual(Array.from({ length: 3 * ROLL_OUTS }, () => ({ code: 0, signal: null })));
  });

  it('answer every request: badges, moments and callbacks, on connections that are kept and on new ones', () => {
    expect(run.faults).toEqual([]);
    expect(run.faultCount).toBe(0);
  });

  it('record and deliver each callback once', async () => {
    const sender = new CallbackSender(1);
    const entries = await sender.ledger(deployment.balancer.callers);
    await sender.close();
    expect(entries.every(isAccepted)).toBe(true);
    expect(entries.map(({ transaction_id }) => transaction_id).toSorted()).toEqual(
      signed.map(({ body }) => String(membersOf(body)['transaction_id'])).toSorted(),
    );
    const ids = entries.map(({ id }) => id).toSorted();
    expect(acknowledged.toSorted()).toEqual(ids);
    expect(new Map(surroundings.delivered)).toEqual(new Map(ids.map((id) => [id, 1])));
  });

  it('log no error', () => {
    for (const gateway of deployment.gateways) {
      expect(gateway.log().filter(({ level }) => level !== 'warn')).toEqual([]);
      expect(gateway.errors()).toBe('');
    }
  });
});
