import { sql } from 'kysely';
import type { Kysely } from 'kysely';

/** Who did what about money and deliveries, and why. Rows are only ever added. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    caller text,
    request_id text,
    action text not null,
    subject text collate "C" not null,
    reason text
  )`,
  `create index audit_log_subject_idx on audit_log (subject)`,
  `create function reject_audit_change() returns trigger language plpgsql as $$
    begin raise 'rows of audit_log are only ever added' using errcode = 'restrict_violation'; end $$`,
  `create trigger audit_log_is_append_only before update or delete or truncate on audit_log
    for each statement execute function reject_audit_change()`,
];
