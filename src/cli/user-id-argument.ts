import process from 'node:process';

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

/** The only argument; without it, or with another one, the process ends. */
export function userIdArgument(command: string): string {
  const [userId, ...others] = process.argv.slice(2);
  if (userId !== undefined && userId !== '' && others.length === 0) return userId;
  process.stderr.write(`Usage: npm run ${command} -- <user id>\n`);
  return process.exit(EXIT_USAGE);
}

/** What is stored about a user is looked for in whole tables: nobody waits for it, as somebody does for a response. */
export const WHOLE_TABLES = { DATABASE_TIMEOUT_MS: '300000' };
