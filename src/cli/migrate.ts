import process from 'node:process';
import { runCliTask } from './run-command.js';

// `npm run migrate`: brings the schema up to date, as every start does. For deployments that want it done before.
await runCliTask(async ({ database }) => {
  await database.migrate();
  process.stdout.write('The schema is up to date.\n');
});
