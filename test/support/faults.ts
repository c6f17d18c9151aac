import {
  addReplica,
  atOnce,
  commandRedis,
  cut,
  exhaustConnections,
  fillDisk,
  kill,
  lockLedger,
  loseResponses,
  losePower,
  makeReadOnly,
  partition,
  pause,
  promote,
  restart,
  slow,
  stepClock,
  twoOf,
} from './fault-actions.js';
import type { Action } from './fault-actions.js';
import type { Fleet, FleetOptions } from './fleet.js';
import type { Kind } from './fleet-traffic.js';

/** A row of the table of `npm run chaos`. */
export interface Fault {
  readonly name: string;
  readonly begin: Action;
  /** Of a whole run. */
  readonly rounds: number;
  /** How long it lasts: random, between these. */
  readonly holdMs: readonly [number, number];
  /** The kinds of requests that may fail: those that need what is missing. */
  readonly mayFail: readonly Kind[];
  /** Packets of clients are lost without a reset. */
  readonly mayTimeOut?: boolean;
  /** Processes that a round kills. */
  readonly kills?: number;
  /** A recovery is awaited after so many rounds: between them, faults hit gateways that recover. */
  readonly recoverEvery?: number;
  /** Before each round. */
  readonly prepare?: (fleet: Fleet) => Promise<void>;
  readonly fleet?: FleetOptions;
  readonly needs?: 'disk' | 'redis';
}

type More = Omit<Fault, 'name' | 'begin' | 'rounds' | 'holdMs' | 'mayFail'>;

const fault = (
  name: string,
  begin: Action,
  rounds: number,
  holdMs: Fault['holdMs'],
  mayFail: Fault['mayFail'],
  more: More = {},
): Fault => ({ name, begin, rounds, holdMs, mayFail, ...more });

const NONE: Fault['holdMs'] = [0, 0];
const SHORT: Fault['holdMs'] = [0, 300];
const SECONDS: Fault['holdMs'] = [2_000, 4_000];

const NOTHING: Fault['mayFail'] = [];
const MOMENTS: Fault['mayFail'] = ['moment'];
/** What needs PostgreSQL. */
const STORED: Fault['mayFail'] = ['callback', 'moment'];
const ANYTHING: Fault['mayFail'] = ['callback', 'count', 'moment'];

const redis = { needs: 'redis' } as const;
const disk = { needs: 'disk', fleet: { disk: true } } as const;

const KILL_ANY = kill('gateway', 'postgres', 'redis', 'vendors', 'consumer');
const TOGETHER = twoOf(
  kill('gateway'),
  kill('postgres'),
  kill('redis'),
  kill('vendors'),
  kill('consumer'),
  partition('clients'),
  partition('postgres'),
  partition('redis'),
  cut('kigo', 'kiip'),
  slow('postgres', 50),
  slow('consumer', 500),
);

/** All faults of `npm run chaos`: the name, the fault, rounds, how long each lasts, what may fail. */
export const FAULTS: readonly Fault[] = [
  // Kills at random moments
  fault('a gateway is killed', kill('gateway'), 250, NONE, ANYTHING, { kills: 1, recoverEvery: 10 }),
  fault('PostgreSQL is killed', kill('postgres'), 200, SHORT, STORED, { kills: 1, recoverEvery: 10 }),
  fault('Redis is killed', kill('redis'), 150, SHORT, NOTHING, { kills: 1, recoverEvery: 10, ...redis }),
  fault('Kigo and Kiip are killed', kill('vendors'), 100, SHORT, MOMENTS, { kills: 1, recoverEvery: 20 }),
  fault('the consumer is killed', kill('consumer'), 30, SHORT, NOTHING, { kills: 1 }),
  fault('any process is killed', KILL_ANY, 300, SHORT, ANYTHING, { kills: 1, recoverEvery: 50, ...redis }),
  fault('two faults at once', TOGETHER, 30, [500, 3_000], ANYTHING, { mayTimeOut: true, ...redis }),

  // Suspended processes
  fault('a gateway is paused', pause('gateway'), 4, SECONDS, NOTHING),
  fault('PostgreSQL is paused', pause('postgres'), 4, SECONDS, MOMENTS),
  fault('PostgreSQL is paused for 30 s', pause('postgres'), 1, [30_000, 30_000], STORED),
  fault('Redis is paused', pause('redis'), 4, SECONDS, NOTHING, redis),
  fault('Kigo and Kiip are paused', pause('vendors'), 4, SECONDS, MOMENTS),
  fault('the consumer is paused', pause('consumer'), 4, SECONDS, NOTHING),

  // Restarts
  fault('a gateway is restarted', restart('gateway'), 6, NONE, ANYTHING),
  fault('PostgreSQL is restarted', restart('postgres'), 6, SHORT, MOMENTS),
  fault('a replica is promoted', promote, 3, NONE, STORED, { kills: 1, prepare: addReplica }),

  // PostgreSQL
  fault('connections to PostgreSQL are reset', cut('postgres'), 10, [0, 500], MOMENTS),
  fault('PostgreSQL is unreachable', partition('postgres'), 3, SECONDS, MOMENTS),
  fault(
    'PostgreSQL commits, and its response is lost',
    loseResponses('postgres', 'gateway_insert_ledger'),
    8,
    [0, 500],
    STORED,
  ),
  fault('PostgreSQL is 100 ms away', slow('postgres', 100), 3, SECONDS, NOTHING),
  fault('PostgreSQL has no free connection', exhaustConnections, 3, SECONDS, STORED),
  fault('PostgreSQL is read-only', makeReadOnly, 3, SECONDS, STORED),
  fault('the ledger is locked', lockLedger, 3, SECONDS, MOMENTS),

  // Redis
  fault('connections to Redis are reset', cut('redis'), 6, [0, 1_000], NOTHING, redis),
  fault('Redis is unreachable', partition('redis'), 3, SECONDS, NOTHING, redis),
  fault('Redis is 200 ms away', slow('redis', 200), 3, SECONDS, NOTHING, redis),
  fault('Redis loses its data', commandRedis('flushall'), 6, SHORT, NOTHING, redis),
  fault(
    'Redis has no memory left',
    commandRedis('config set maxmemory 1', 'config set maxmemory 0'),
    3,
    SECONDS,
    NOTHING,
    redis,
  ),
  fault(
    'Redis becomes a replica',
    commandRedis('replicaof 127.0.0.1 9', 'replicaof no one'),
    3,
    SECONDS,
    NOTHING,
    redis,
  ),

  // Vendors, consumer, clients
  fault('Kigo and Kiip refuse connections', cut('kigo', 'kiip'), 3, SECONDS, MOMENTS),
  fault('Kigo and Kiip are unreachable', partition('kigo', 'kiip'), 3, SECONDS, MOMENTS),
  fault('Kigo is 1 s away', slow('kigo', 1_000), 3, SECONDS, NOTHING),
  fault('responses of Kiip are lost', loseResponses('kiip', '/server/moment'), 5, [0, 500], MOMENTS),
  fault('the consumer is unreachable', partition('consumer'), 3, SECONDS, NOTHING),
  fault('responses of the consumer are lost', loseResponses('consumer', 'POST /'), 5, [0, 500], NOTHING),
  fault('responses to clients are lost', loseResponses('clients', 'POST /'), 8, [0, 1_000], STORED),
  fault('clients are 200 ms away', slow('clients', 200), 3, SECONDS, NOTHING),

  // All of it
  fault(
    'everything is unreachable',
    partition('clients', 'postgres', 'redis', 'kigo', 'kiip', 'consumer'),
    3,
    SECONDS,
    ANYTHING,
    { mayTimeOut: true, ...redis },
  ),

  // With fleets of their own
  fault(
    'PostgreSQL is unreachable and a gateway is killed, with a spool',
    twoOf(cut('postgres'), atOnce(kill('gateway'))),
    6,
    SECONDS,
    ANYTHING,
    { kills: 1, fleet: { spool: true } },
  ),
  fault('the disk of PostgreSQL is full', fillDisk, 3, SECONDS, STORED, disk),
  fault('the machine of PostgreSQL loses power', losePower, 4, SHORT, STORED, { kills: 1, ...disk }),
  fault('the clock of a gateway is set by an hour, ahead and back', stepClock, 9, [500, 1_500], NOTHING, {
    fleet: { clock: true },
  }),
];
