import { Module } from '@nestjs/common';
import { Config } from '../config/config.js';
import { Database } from '../database/database.js';
import { Circuits } from '../upstream/circuits.js';
import { CallbackCounters } from './callback-counters.js';
import { IdempotencyKeys } from './idempotency-keys.js';
import { IdempotentCalls } from './idempotent-calls.js';
import { IssuancesController } from './issuances.controller.js';
import { KiipCallbacksController } from './kiip-callbacks.controller.js';
import { KiipCallbacks } from './kiip-callbacks.js';
import { KiipCallsController } from './kiip-calls.controller.js';
import { KiipClient } from './kiip-client.js';
import { KiipHttp } from './kiip-http.js';
import { KiipVerdicts } from './kiip-verdicts.js';
import { KnownUsers } from './known-users.js';
import { Ledger } from './ledger.js';
import { PromisedRewards } from './promised-rewards.js';
import { RejectedCallbacks, rejectedCallbacksKept } from './rejected-callbacks.js';

const marginMs = 1_000;

/** How long a key may be held without a word of its holder: the call itself, and three statements around it. */
function leaseSeconds({ upstreamDeadlineMs, databaseTimeoutMs }: Config): number {
  return (upstreamDeadlineMs + 3 * databaseTimeoutMs + marginMs) / 1000;
}

/** What is plain code, and knows nothing of Nest. */
const stores = [
  CallbackCounters,
  { provide: Ledger, inject: [Database], useFactory: (database: Database) => new Ledger(database) },
  { provide: KnownUsers, inject: [Database], useFactory: (database: Database) => new KnownUsers(database) },
  {
    provide: PromisedRewards,
    inject: [Database],
    useFactory: (database: Database) => new PromisedRewards(database),
  },
  {
    provide: RejectedCallbacks,
    inject: [Database],
    useFactory: (database: Database) => new RejectedCallbacks(database, rejectedCallbacksKept),
  },
  {
    provide: IdempotencyKeys,
    inject: [Database, Config],
    useFactory: (database: Database, config: Config) =>
      new IdempotencyKeys(database, { leaseSeconds: leaseSeconds(config) }),
  },
];

const callsOut = [
  KiipClient,
  {
    provide: KiipHttp,
    inject: [Config, Circuits],
    useFactory: (config: Config, circuits: Circuits) =>
      new KiipHttp({
        circuits,
        vendor: 'kiip',
        baseUrl: config.kiipBaseUrl,
        timeoutMs: config.kiipTimeoutMs,
        deadlineMs: config.upstreamDeadlineMs,
        operations: ['session', 'moment'],
        concurrency: 64,
        queue: 1_000,
      }),
  },
  {
    provide: IdempotentCalls,
    inject: [IdempotencyKeys],
    useFactory: (keys: IdempotencyKeys) => new IdempotentCalls(keys),
  },
];

const callbacksIn = [
  {
    provide: KiipVerdicts,
    inject: [Config, KnownUsers],
    useFactory: (config: Config, users: KnownUsers) => new KiipVerdicts(config, users),
  },
  {
    provide: KiipCallbacks,
    inject: [KiipVerdicts, Ledger, CallbackCounters],
    useFactory: (verdicts: KiipVerdicts, ledger: Ledger, counters: CallbackCounters) =>
      new KiipCallbacks(verdicts, ledger, counters),
  },
];

/** Everything between this gateway and Kiip: sessions and moments, callbacks that can be trusted, the ledger they fill. */
@Module({
  controllers: [KiipCallsController, KiipCallbacksController, IssuancesController],
  providers: [...stores, ...callsOut, ...callbacksIn],
  exports: [CallbackCounters, Ledger],
})
export class KiipModule {}
