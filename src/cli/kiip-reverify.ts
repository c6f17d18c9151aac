import process from 'node:process';
import { Config } from '../config/config.js';
import { KiipCallbacksModule } from '../kiip-callbacks/kiip-callbacks.module.js';
import { KiipCallbacksService } from '../kiip-callbacks/kiip-callbacks.service.js';
import { RejectedCallbacksService } from '../kiip-callbacks/rejected-callbacks.service.js';
import { reverify } from '../kiip-callbacks/reverify.js';
import { runCliTask } from './run-command.js';

// `npm run kiip:reverify`: records the callbacks that were rejected because of a wrong secret, after it has been corrected.
await runCliTask([KiipCallbacksModule], async (app) => {
  const counts = await reverify(
    app.get(RejectedCallbacksService),
    app.get(KiipCallbacksService),
    app.get(Config),
  );
  process.stdout.write(`${JSON.stringify(counts)}\n`);
});
