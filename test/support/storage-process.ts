// A process of its own around the built storage: `node storage-process.ts <task> <options as JSON>`. One JSON per line.
import { Logger } from '@nestjs/common';
import type { Database as DatabaseType, DatabaseOptions } from '../../src/database/database.js';
import type { LedgerService as LedgerType } from '../../src/ledger/ledger.service.js';
import type { VerifiedCallbackFields } from '../../src/ledger/ledger-entry.js';

interface Options extends DatabaseOptions {
  facts?: VerifiedCallbackFields;
  times?: number;
}

const built = (path: string) => import(new URL(`../../build/${path}`, import.meta.url).href);
const { Database } = (await built('database/database.js')) as { Database: typeof DatabaseType };
const { LedgerService } = (await built('ledger/ledger.service.js')) as {
  LedgerService: typeof LedgerType;
};

// Standard output has only the lines of the task.
Logger.overrideLogger(false);
const say = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);
const [, , task, json = '{}'] = process.argv;
const options = JSON.parse(json) as Options;
const database = new Database(options);
const ledger = new LedgerService(database);

/** The fields that the test has passed as JSON, with their date parsed. */
const facts = (): VerifiedCallbackFields => {
  if (!options.facts) throw new Error('no facts');
  return { ...options.facts, receivedAt: new Date(options.facts.receivedAt) };
};

try {
  await database.migrate();
  say('migrated');
  if (task === 'record') {
    const calls = Array.from({ length: options.times ?? 1 }, () =>
      ledger.record(facts(), { status: 'recorded' }),
    );
    for (const answer of await Promise.all(calls)) say(answer);
  }
  if (task === 'write-for-ever') {
    for (let number = 0; ; number += 1) {
      const unique = `${process.pid}-${number}`;
      const row = { ...facts(), nonce: unique, signature: unique, signedText: unique };
      say(await ledger.record(row, { status: 'recorded' }));
    }
  }
  if (task === 'hold') process.stdin.resume();
  else await database.close();
} catch (error) {
  say({ error: error instanceof Error ? error.name : 'unknown', message: String(error) });
}
