import process from 'node:process';
import { Database } from '../database/database.js';
import { eraseUser } from '../retention/personal-data.js';
import { runCliTask } from './run-command.js';
import { userIdArgument, WHOLE_TABLES } from './user-id-argument.js';

// `npm run user:erase -- <id>`: removes who a user was. Entries about money stay, under an alias.
const userId = userIdArgument('user:erase');
await runCliTask(
  [],
  async (app) => {
    process.stdout.write(`${JSON.stringify(await eraseUser(app.get(Database), userId))}\n`);
  },
  WHOLE_TABLES,
);
