import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { auditPart } from '../audit/audit.queries.js';
import type { Actor } from '../audit/audit.queries.js';
import type { Consumer } from '../config/parsers.js';
import { sanitizeText } from '../database/text-columns.js';
import type { Tables } from '../database/tables.js';

/** The `url_hash` of a pause by a caller: it is for the consumer, whatever its URL. */
export const ANY_URL = '';

export const PAUSE_CAUSES = ['gone', 'manual'] as const;

/** Why a consumer gets no deliveries: it responded 410 Gone, or a caller paused it. */
export interface Pause {
  readonly cause: (typeof PAUSE_CAUSES)[number];
  readonly since: Date;
  readonly caller: string | null;
  readonly requestId: string | null;
  readonly reason: string | null;
}

/** Identifies the URL of a consumer without storing it, since it may contain a token. */
export function urlHash({ url }: Pick<Consumer, 'url'>): string {
  return createHash('sha256').update(url).digest('base64url');
}

const IS_PAUSE_OF = (name: string, hash: string) =>
  `p.consumer = ${name} and p.url_hash in ('${ANY_URL}', ${hash})`;

/** The pauses `p` of a consumer, to follow a `select` in a prepared statement: the parameters are its name and its `urlHash`. */
export function fromPausesSql(name: string, hash: string): string {
  return `from delivery_pauses p where ${IS_PAUSE_OF(name, hash)}`;
}

/** The pauses `p` of these consumers, to follow a `select`. */
export function fromPausesOf(consumers: readonly Consumer[]) {
  return sql`from delivery_pauses p
    join unnest(${consumers.map(({ name }) => name)}::text[], ${consumers.map(urlHash)}::text[]) as c (name, url_hash)
    on ${sql.raw(IS_PAUSE_OF('c.name', 'c.url_hash'))}`;
}

/** The pause of each paused consumer, by its name. If there are two, the one by a caller. */
export async function findPauses(
  db: Kysely<Tables>,
  consumers: readonly Consumer[],
): Promise<ReadonlyMap<string, Pause>> {
  const { rows } = await sql<PauseRow>`
    select p.* ${fromPausesOf(consumers)} order by p.url_hash = ${ANY_URL}`.execute(db);
  return new Map(rows.map((row) => [row.consumer, toPause(row)]));
}

interface PauseRow {
  readonly consumer: string;
  readonly url_hash: string;
  readonly paused_at: Date;
  readonly paused_by: string | null;
  readonly request_id: string | null;
  readonly reason: string | null;
}

function toPause({ url_hash, paused_at, paused_by, request_id, reason }: PauseRow): Pause {
  const cause = url_hash === ANY_URL ? 'manual' : 'gone';
  return { cause, since: paused_at, caller: paused_by, requestId: request_id, reason };
}

/** Stops deliveries to a consumer after a 410, until its URL changes, it is resumed, or a delivery to it is retried or replayed. */
export async function pauseGone(db: Kysely<Tables>, consumer: Consumer): Promise<void> {
  await db
    .insertInto('delivery_pauses')
    .values({ consumer: consumer.name, url_hash: urlHash(consumer) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Stops deliveries to a consumer until it is resumed. If a caller has paused it before, that pause stays as it is. */
export async function pauseConsumer(db: Kysely<Tables>, consumer: string, actor: Actor): Promise<void> {
  const { caller, requestId, reason } = actor;
  await db
    .with('paused', (cte) =>
      cte
        .insertInto('delivery_pauses')
        .values({
          consumer,
          url_hash: ANY_URL,
          paused_by: caller,
          request_id: requestId,
          reason: reason === undefined ? null : sanitizeText(reason),
        })
        .onConflict((conflict) => conflict.doNothing())
        .returning('consumer'),
    )
    .with('audited', () => auditPart('pause', actor, sql`select consumer from paused`))
    .selectFrom('paused')
    .selectAll()
    .execute();
}

/** Ends every pause of a consumer. */
export async function resumeConsumer(db: Kysely<Tables>, consumer: string, actor: Actor): Promise<void> {
  await db
    .with('resumed', (cte) =>
      cte.deleteFrom('delivery_pauses').where('consumer', '=', consumer).returning('consumer'),
    )
    .with('audited', () => auditPart('resume', actor, sql`select distinct consumer from resumed`))
    .selectFrom('resumed')
    .selectAll()
    .execute();
}
