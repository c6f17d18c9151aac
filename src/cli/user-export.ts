import process from 'node:process';
import { Database } from '../database/database.js';
import { exportUser } from '../retention/personal-data.js';
import { runCliTask } from './run-command.js';
import { userIdArgument, WHOLE_TABLES } from './user-id-argument.js';

// `npm run user:export -- <id>`: prints everything that is stored about a user, as JSON.
const userId = userIdArgument('user:export');
await runCliTask(
  [],
  async (app) => {
    process.stdout.write(`${JSON.stringify(await exportUser(app.get(Database), userId), null, 2)}\n`);
  },
  WHOLE_TABLES,
);
