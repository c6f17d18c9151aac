import process from 'node:process';
import { runCliTask } from './run-command.js';
import { CallbackCounters } from '../kiip-callbacks/callback-counters.js';
import { KiipCallbacksService } from '../kiip-callbacks/kiip-callbacks.service.js';
import { CallbackPolicyService } from '../kiip-callbacks/callback-policy.service.js';
import { UserReferencesService } from '../user-references/user-references.service.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { RejectedCallbacksService } from '../kiip-callbacks/rejected-callbacks.service.js';
import { reverify } from '../kiip-callbacks/reverify.js';

// `npm run kiip:reverify`: after a wrong secret has been put right, takes in the callbacks that were refused for it.
await runCliTask(async ({ config, database }) => {
  await database.migrate();
  const ledger = new LedgerService(database);
  const verdicts = new CallbackPolicyService(config, new UserReferencesService(database));
  const callbacks = new KiipCallbacksService(verdicts, ledger, new CallbackCounters());
  const rejected = new RejectedCallbacksService(database);
  const counts = await reverify(rejected, callbacks, config);
  process.stdout.write(`${JSON.stringify(counts)}\n`);
});
