import { Client } from 'pg';

/** A statement as the gateway has sent it. A name says that it is prepared: its plan is for any values. */
interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Notes what all clients of this process send, each statement once with the same values. @returns what ends it and returns them */
export function recordStatements(): () => Statement[] {
  const original = Object.getOwnPropertyDescriptor(Client.prototype, 'query')!;
  const send = original.value as (...parts: unknown[]) => unknown;
  const sent = new Map<string, Statement>();
  Client.prototype.query = function query(this: Client, ...parts: unknown[]) {
    const [{ text, values, name }] = parts as [Partial<Statement>];
    // Those of the test are texts.
    if (text !== undefined && /^\s*(select|with|insert|update|delete)\b/i.test(text)) {
      const statement = { ...(name !== undefined && { name }), text, values: values ?? [] };
      sent.set(JSON.stringify(name === undefined ? statement : name), statement);
    }
    return send.apply(this, parts);
  } as Client['query'];
  return () => {
    Object.defineProperty(Client.prototype, 'query', original);
    return [...sent.values()];
  };
}

/** Makes the planner believe that tables have so many rows, of which it knows what `analyze` has found. */
export async function pretendRows(client: Client, rows: Readonly<Record<string, number>>): Promise<void> {
  for (const [table, count] of Object.entries(rows))
    await client.query('update pg_class set reltuples = $2 where oid = $1::regclass', [table, count]);
}

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Filter?: string;
  readonly Plans?: readonly Node[];
}

/**
 * Plans statements as the gateway's connections do.
 * @returns how those that read a whole table, or a whole index, do so. An index of the rows that are still to be done may be read, and
 * the first entries of any
 */
export async function findScans(
  client: Client,
  statements: readonly Statement[],
  tables: readonly string[],
): Promise<string[]> {
  await client.query('set jit = off');
  const { rows } = await client.query<{ name: string }>(
    'select indexrelid::regclass::text as name from pg_index where indpred is not null',
  );
  const partial = new Set(rows.map(({ name }) => name));
  const found = new Set<string>();
  for (const { name, text, values } of statements) {
    const explained = name === undefined ? 'explain (format json)' : 'explain (format json, generic_plan)';
    const plan = await client.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(
      `${explained} ${text}`,
      name === undefined ? [...values] : [],
    );
    for (const [node, parent] of nodesOf(plan.rows[0]!['QUERY PLAN'][0].Plan)) {
      const {
        'Relation Name': table,
        'Index Name': index = '',
        'Index Cond': condition,
        Filter: filter,
      } = node;
      const isFirst = parent?.['Node Type'] === 'Limit' && filter === undefined;
      const isWhole =
        node['Node Type'] === 'Seq Scan' ||
        (/^(Bitmap )?Index/.test(node['Node Type']) &&
          condition === undefined &&
          !partial.has(index) &&
          !isFirst);
      if (isWhole && (table === undefined || tables.includes(table)))
        found.add(`${node['Node Type']} on ${table ?? index}: ${text.replaceAll(/\s+/g, ' ').trim()}`);
    }
  }
  return [...found];
}

/** Each node with the one above it. */
function nodesOf(node: Node, parent?: Node): [Node, Node | undefined][] {
  return [[node, parent], ...(node.Plans ?? []).flatMap((child) => nodesOf(child, node))];
}
