import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { membersOf } from './callback-receiver.js';
import type { GenuineTraffic } from './genuine-traffic.js';
import { HOSTILE_CALLBACKS, recut } from './hostile-callbacks.js';
import { BROKEN_REQUESTS, exchange, open, SLOW_CONNECTIONS } from './hostile-connections.js';
import { kiipAppKey, momentOf } from './kiip-world.js';
import type { Draw } from './random-draw.js';
import { describeAnswer } from './traffic-run.js';
import type { TrafficRun } from './traffic-run.js';
import type { TrafficWorld } from './traffic-world.js';

/** How much a stranger sends. */
export interface HostileRates {
  readonly forgedPerSecond: number;
  readonly brokenPerSecond: number;
  /** Slow connections that are open at a time. */
  readonly slow: number;
  /** Connections that one address opens at once, every `burstEverySeconds`: more than it may have. */
  readonly burst: number;
  readonly burstEverySeconds: number;
}

/** Addresses that no caller has: each learns nothing more after 20 guesses in a minute. */
const GUESSING = ['127.99.0.1', '127.99.0.2', '127.99.0.3'];
const SLOW_LIFE_MS = 15_000;
/** Not all of them at once: making them must not take this process's time for probes. */
const RAMP_UP_MS = 5_000;

/** Starts all that strangers do, on every port. */
export function startHostileTraffic(
  run: TrafficRun,
  world: TrafficWorld,
  genuine: GenuineTraffic,
  rates: HostileRates,
): void {
  const anyPort = (draw: Draw) => {
    const { callers, callbacks, management } = draw.pick(world.replicas);
    return draw.pick([callers, callbacks, callbacks, management]);
  };

  run.repeat(rates.forgedPerSecond, async (draw) => {
    const signed = genuine.signed[draw.below(genuine.signed.length)];
    if (!signed) return;
    const [kind, create] = draw.pick(Object.entries(HOSTILE_CALLBACKS));
    const { verifies = false, ...request } = create(draw, signed);
    const url = `${draw.pick(world.replicas).callbacks}/callbacks/kiip`;
    const answer = await run.ask(`forged: ${kind}`, url, { ...request, localAddress: draw.address() });
    const { status = 0 } = answer;
    // A body that is too large may be answered before it is read: then the connection is reset.
    const isRight = verifies ? status === 200 : answer.error !== undefined || (status >= 400 && status < 500);
    if (!isRight) run.fault(`forged, ${kind}: ${describeAnswer(answer)}`);
  });

  // Anybody who has the app key can make Kiip sign user ids of his own making, and send all re-cuts of them.
  run.repeat(1, async (draw) => {
    const signed = genuine.signed[draw.below(genuine.signed.length)];
    if (!signed) return;
    const user = `${draw.below(10_000_000)}${String(membersOf(signed.body)['user_id'])}`;
    const moment = { ...momentOf(user), sdk_version: '1.0' };
    const body = JSON.stringify({ ...moment, app: { ...moment.app, app_key: kiipAppKey } });
    await fetch(`${world.kiip.url}/2.0/server/moment/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
  });
  run.repeat(3, async (draw) => {
    const signed = genuine.signedForStrangers.at(-1 - draw.below(3));
    if (!signed) return;
    const answer = await run.ask(
      'forged: a re-cut for a stranger',
      `${draw.pick(world.replicas).callbacks}/callbacks/kiip`,
      {
        method: 'POST',
        headers: { 'content-type': signed.contentType },
        body: draw.chance(0.2) ? signed.body : recut(signed, draw),
        localAddress: draw.address(),
      },
    );
    if (answer.status !== 200) run.fault(`a re-cut for a stranger: ${describeAnswer(answer)}`);
  });

  run.repeat(3, async (draw) => {
    const authorization = draw.pick([
      `Bearer ${randomUUID()}`,
      'Bearer',
      `Basic ${draw.hex(20)}`,
      `Bearer ${draw.hex(5_000)}`,
    ]);
    const answer = await run.ask(
      'guessed credential',
      `${draw.pick(world.replicas).callers}/api/v1/kiip/issuances`,
      {
        headers: { authorization },
        localAddress: draw.pick(GUESSING),
      },
    );
    if (answer.status !== 401 && answer.status !== 429)
      run.fault(`guessed credential: ${describeAnswer(answer)}`);
  });

  run.repeat(rates.brokenPerSecond, async (draw) => {
    const [kind, create] = draw.pick(Object.entries(BROKEN_REQUESTS));
    const ending = { resets: draw.chance(0.2), waitMs: 500 + draw.below(2_000) };
    const answer = await exchange(anyPort(draw), draw.address(), create(draw), ending);
    run.count(`broken: ${kind}`, typeof answer === 'string' && answer.length > 20 ? 'other bytes' : answer);
    if (typeof answer === 'number' && answer >= 500) run.fault(`broken, ${kind}: ${answer}`);
  });

  for (let index = 0; index < rates.slow; index += 1) {
    const draw = run.nextDraw();
    run.loop(async () => {
      await run.pause(draw.number() * RAMP_UP_MS);
      while (!run.stopped.aborted) {
        const [kind, behave] = draw.pick(Object.entries(SLOW_CONNECTIONS));
        const address = draw.chance(0.3) ? '127.99.1.1' : draw.address();
        const socket = open(anyPort(draw), address);
        socket.once('connect', () => behave(socket, draw));
        const closed = new Promise((resolve) => socket.once('close', resolve));
        const lasts = run.pause(draw.number() * SLOW_LIFE_MS);
        await Promise.race([closed, lasts]);
        run.count(`slow: ${kind}`, socket.closed ? 'closed by the gateway' : 'lasted');
        socket.destroy();
        await run.pause(draw.below(500));
      }
    });
  }

  run.loop(async () => {
    const draw = run.nextDraw();
    while (!run.stopped.aborted) {
      await run.pause(rates.burstEverySeconds * 1_000 * draw.number() * 2);
      if (run.stopped.aborted) return;
      const origin = anyPort(draw);
      const sockets: Socket[] = [];
      while (sockets.length < rates.burst) {
        for (let count = 0; count < 50; count += 1) sockets.push(open(origin, '127.99.2.2'));
        await run.pause(20);
      }
      await run.pause(3_000);
      run.count(
        'burst of one address',
        `${sockets.filter(({ readyState }) => readyState === 'open').length} open`,
      );
      for (const socket of sockets) socket.destroy();
    }
  });
}
