import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** What the gateway is built from. */
const SOURCES = [
  'src',
  'console',
  'clients/typescript/src',
  'tools',
  'openapi.json',
  'package.json',
  'tsconfig.json',
];
const NAME = '9999-next';
/** All that a migration may do to tables that the version before it uses: see docs/architecture.md, "Migrations". */
const MIGRATION = `
import { sql } from 'kysely';
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ name: string }>\`select tablename as name from pg_tables
    where schemaname = current_schema() and tablename <> 'gateway_migrations'\`.execute(db);
  for (const { name } of rows) {
    await sql\`alter table \${sql.table(name)} add column next_note text default 'next',
      add column next_count integer not null default 1\`.execute(db);
    await sql\`create index if not exists \${sql.ref(name + '_next_note_idx')} on \${sql.table(name)} (next_note)\`.execute(db);
  }
  await sql\`create table next (id bigint generated always as identity primary key, ledger_id text)\`.execute(db);
}
`;

/** The next version of the gateway: this one, with one more migration. */
export interface NextVersion {
  /** The name of its migration. */
  readonly migration: string;
  /** Its dist/main.js. */
  readonly entry: string;
  remove(): void;
}

export async function buildNextVersion(): Promise<NextVersion> {
  const folder = mkdtempSync(join(tmpdir(), 'next-version-'));
  for (const name of SOURCES) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, `src/database/migration-${NAME}.ts`), MIGRATION);
  const list = join(folder, 'src/database/migrations.ts');
  const listed = readFileSync(list, 'utf8').replace(
    /(?<=^const MIGRATIONS[^]*?)^\};$/m,
    `  '${NAME}': next,\n};`,
  );
  writeFileSync(list, `import * as next from './migration-${NAME}.js';\n${listed}`);
  await promisify(execFile)(process.execPath, ['tools/build.js'], { cwd: folder });
  return {
    migration: NAME,
    entry: join(folder, 'dist/main.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
