import process from 'node:process';
import { KiipCallbacksModule } from '../kiip-callbacks/kiip-callbacks.module.js';
import { ReevaluationService } from '../kiip-callbacks/reevaluation.service.js';
import { runCliTask } from './run-command.js';

// `npm run kiip:reevaluate`: decides quarantined callbacks again, after the configuration has been changed.
await runCliTask([KiipCallbacksModule], async (app) => {
  const counts = await app.get(ReevaluationService).reevaluateAll();
  process.stdout.write(`${JSON.stringify(counts)}\n`);
});
