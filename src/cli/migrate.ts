import process from 'node:process';
import { runCliTask } from './run-command.js';

// `npm run migrate`: migrates the database, for deployments that do so before the service starts. Every start does it, too.
await runCliTask([], () => {
  process.stdout.write('The schema is up to date.\n');
  return Promise.resolve();
});
