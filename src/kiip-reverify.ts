import process from 'node:process';
import { runCommand } from './command.js';
import { CallbackCounters } from './kiip/callback-counters.js';
import { KiipCallbacks } from './kiip/kiip-callbacks.js';
import { KiipVerdicts } from './kiip/kiip-verdicts.js';
import { KnownUsers } from './kiip/known-users.js';
import { Ledger } from './kiip/ledger.js';
import { RejectedCallbacks, rejectedCallbacksKept } from './kiip/rejected-callbacks.js';
import { reverify } from './kiip/reverify.js';

// `npm run kiip:reverify`: after a wrong secret has been put right, takes in the callbacks that were refused for it.
await runCommand(async ({ config, database }) => {
  await database.migrate();
  const ledger = new Ledger(database);
  const verdicts = new KiipVerdicts(config, new KnownUsers(database));
  const callbacks = new KiipCallbacks(verdicts, ledger, new CallbackCounters());
  const rejected = new RejectedCallbacks(database, rejectedCallbacksKept);
  const counts = await reverify(rejected, callbacks, config);
  process.stdout.write(`${JSON.stringify(counts)}\n`);
});
