import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '../../../src');
/** The only folders whose SQL may name a table. Other folders import query fragments from them, which the linter can see. */
const OWNERS: Record<string, readonly string[]> = {
  ledger: ['ledger'],
  delivery_outbox: ['ledger'],
  deliveries: ['delivery'],
  delivery_attempts: ['delivery'],
  delivery_pauses: ['delivery'],
  delivery_replays: ['delivery'],
  kiip_promised_rewards: ['promised-rewards'],
  kiip_rewarded_moments: ['promised-rewards'],
  // The ledger resolves references in the statement that releases an entry.
  kiip_user_references: ['user-references', 'ledger'],
  rejected_callbacks: ['kiip-callbacks'],
  idempotency_keys: ['idempotency'],
};
const TABLE = /\b(?:from|join|into|update|using)\s+"?(\w+)|\b\w*(?:From|Into|Table|Join)\(\s*'(\w+)/gi;

const files = globSync('*/**/*.ts', { cwd: root }).filter((file) => !file.startsWith('database/'));

it('finds SQL for every table, and for no other', () => {
  const used = new Set(files.flatMap((file) => tablesIn(file)));
  expect([...used].toSorted()).toEqual(Object.keys(OWNERS).toSorted());
});

it.each(Object.entries(OWNERS))('keeps the SQL on table %s in the folders %j', (table, owners) => {
  const folders = files.filter((file) => tablesIn(file).includes(table)).map((file) => file.split('/')[0]!);
  expect(folders.filter((folder) => !owners.includes(folder))).toEqual([]);
});

function tablesIn(file: string): string[] {
  const source = withoutComments(readFileSync(path.join(root, file), 'utf8'));
  return [...source.matchAll(TABLE)]
    .map(([, inSql, inBuilder]) => inSql ?? inBuilder ?? '')
    .filter((name) => name in OWNERS);
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
}
