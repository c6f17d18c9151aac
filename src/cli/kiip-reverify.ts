import process from 'node:process';
import { runCommand } from './run-command.js';
import { CallbackCounters } from '../kiip-callbacks/callback-counters.js';
import { KiipCallbacks } from '../kiip-callbacks/kiip-callbacks.service.js';
import { KiipVerdicts } from '../kiip-callbacks/callback-policy.service.js';
import { KnownUsers } from '../user-references/user-references.service.js';
import { Ledger } from '../ledger/ledger.service.js';
import { RejectedCallbacks, rejectedCallbacksKept } from '../kiip-callbacks/rejected-callbacks.service.js';
import { reverify } from '../kiip-callbacks/reverify.js';

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
