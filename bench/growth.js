// In one run: what reads, callbacks and deliveries take on a database with a long history, beside one with the entries of an hour. Needs
// an installed PostgreSQL, and 15 GB in the folder for temporary files. `npm run bench:growth -- 100000 1000000` fills fewer ledger
// entries and deliveries.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { API_KEY, CONSUMER_SECRET, environment, signedCallback } from './environment.js';
import { fill, RECENT } from './growth-fill.js';
import { needs } from './growth-scale.js';
import { sequentialScans, statements } from './growth-statements.js';
import { cpuSeconds, startServer, stop, watchMachine } from './processes.js';
import { startPostgres } from './services.js';
import { GATEWAY } from './workbench.js';

const [entries = 1_000_000, deliveries = 10_000_000] = process.argv.slice(2).map(Number);
const size = {
  entries,
  consumers: Math.max(1, Math.round(deliveries / entries)),
  /** Entries of one user: at most a tenth of all. */
  heavy: Math.min(100_000, entries / 10),
};
const rounds = 9;
const callbackRounds = 7;
const callbacksPerRound = 500;
const deliveriesPerRound = 1_000;
const inFlight = 32;
/** A user with one entry, on either side. */
const rareUser = `once-${entries + 1}`;
/** Callbacks and deliveries that are not measured: the first ones compile the code and read pages from the disk. */
const warmUpRounds = 3;
const required = 0.9;
const undelivered = `(select from delivery_outbox limit 1) union all
  (select from deliveries where consumer = 'wallet' and status = 'pending' order by consumer, status, id limit 1)`;
const oldUsers = `select from kiip_user_references where first_sent_at < now() - interval '400 days' order by first_sent_at limit 1`;
const authorization = `Bearer ${API_KEY}`;

const postgres = await startPostgres('shared_preload_libraries=pg_stat_statements', 'shared_buffers=1GB');
if (!postgres) throw new Error('bench:growth needs an installed PostgreSQL');
const arrived = { empty: 0, full: 0 };
const consumer = createServer((request, response) => {
  arrived[request.url.slice(1)] += 1;
  request.resume().on('end', () => response.end());
});
await once(consumer.listen(0, '127.0.0.1'), 'listening');
const sides = {};
try {
  for (const name of ['empty', 'full']) {
    const url = await postgres.createDatabase(`growth_${name}`);
    execFileSync(process.execPath, [fileURLToPath(new URL('../dist/cli/migrate.js', import.meta.url))], {
      env: { ...environment(), DATABASE_URL: url },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const startedAt = performance.now();
    await fill(url, size, name === 'full');
    if (name === 'full') console.log(`filled in ${Math.round((performance.now() - startedAt) / 1000)} s`);
    const database = new Client({ connectionString: url });
    await database.connect();
    const query = async (text) => (await database.query(text)).rows;
    await query('create extension if not exists pg_stat_statements');
    sides[name] = { name, database, query, scans: await sequentialScans(query) };
  }
  await sides.full.query('select pg_stat_statements_reset()');
  // What retention deletes at their start is measured as well.
  for (const side of Object.values(sides)) Object.assign(side, await startGateway(side));
  for (const { query } of Object.values(sides)) while ((await query(oldUsers)).length > 0) await delay(100);
  const retention = Object.entries(await compareStatements()).filter(([name]) =>
    name.startsWith('retention'),
  );
  for (const side of Object.values(sides))
    for (let round = 0; round < warmUpRounds; round += 1) {
      await callbacksPerSecond(side);
      await deliveriesPerSecond(side);
    }
  await sides.full.query('select pg_stat_statements_reset()');
  const others = watchMachine();
  const results = {};
  for (const [name, path] of await paths()) results[name] = await compare((side) => timeOf(side, path));
  results['callbacks/s'] = await compare(callbacksPerSecond, callbackRounds, 'rate');
  results['deliveries/s'] = await compare(deliveriesPerSecond, callbackRounds, 'rate');
  console.log(
    `\n${entries} ledger entries and ${entries * size.consumers} deliveries, beside ${RECENT} entries`,
  );
  console.log('Of requests, the fastest in milliseconds:');
  console.table(results);
  console.log('Of statements, means in milliseconds and in pages:');
  console.table({ ...(await compareStatements()), ...Object.fromEntries(retention) });
  const busy = others();
  console.log(
    `others took ${(busy.others * 100).toFixed(0)} % of the machine, the hypervisor ${(busy.steal * 100).toFixed(0)} %`,
  );
  const slow = Object.entries(results).filter(([, { ratio }]) => !(ratio >= required));
  if (slow.length > 0) console.log(`Below ${required}: ${slow.map(([name]) => name).join(' · ')}`);
  for (const [table, scans] of await sequentialScans(sides.full.query)) {
    const before = sides.full.scans.get(table) ?? 0;
    if (scans > before) console.log(`${table} was scanned sequentially, ${scans - before} times`);
  }
  const micros = await microsOfCallback(sides.full);
  console.log(
    `\nA callback and its delivery take ${micros.gateway} µs of the gateway and ${micros.database} µs of PostgreSQL:`,
  );
  console.table(needs(micros));
  for (const table of ['ledger', 'deliveries']) {
    const [{ mebibytes }] = await sides.full.query(
      `select pg_total_relation_size('${table}') / 1048576 as mebibytes`,
    );
    const startedAt = performance.now();
    await sides.full.query(`vacuum ${table}`);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`${table}: ${mebibytes} MiB; a vacuum took ${seconds} s`);
  }
} finally {
  await Promise.all(
    Object.values(sides).map(async ({ child, database }) => {
      if (child) await stop(child, 'SIGKILL');
      await database.end();
    }),
  );
  consumer.close();
  consumer.closeAllConnections();
  await postgres.stop();
}

/** What is measured: a name, and the path of a side. */
async function paths() {
  const total = entries + RECENT;
  /** The same place of either database: its first page, its middle, and what came last. */
  const places = {
    first: () => '',
    middle: (side) => cursor(side === sides.full ? Math.round(entries / 2) : entries + RECENT / 2),
    last: () => cursor(total - 100),
  };
  const list = Object.entries(places).map(([name, after]) => [
    `feed, ${name} page`,
    (side) => `/api/v1/kiip/issuances?limit=10${after(side)}`,
  ]);
  for (const filter of [
    `user_id=${rareUser}`,
    'user_id=heavy',
    'status=recorded',
    'status=quarantined',
    'status=released',
    'status=discarded',
    'user_id=heavy&status=recorded',
    'user_id=heavy&status=quarantined',
    'order=desc',
    'user_id=heavy&order=desc',
    'status=quarantined&order=desc',
  ])
    list.push([`feed, ${filter}`, () => `/api/v1/kiip/issuances?limit=10&${filter}`]);
  for (const side of Object.values(sides)) {
    const { items } = await (await get(side, `/api/v1/kiip/issuances?limit=1${cursor(total - 100)}`)).json();
    side.issuance = items[0].id;
    side.transaction = items[0].transaction_id;
    const newest = await side.query('select max(id) as id from deliveries');
    side.deep = Number(newest[0].id) - 1_000;
  }
  list.push(['an issuance by its id', ({ issuance }) => `/api/v1/kiip/issuances/${issuance}`]);
  list.push([
    'the entries of a transaction',
    ({ transaction }) => `/api/v1/kiip/issuances?transaction_id=${transaction}`,
  ]);
  for (const user of [rareUser, 'heavy', 'nobody'])
    for (const what of ['balances', 'rewards'])
      list.push([`${what} of ${user}`, () => `/api/v1/kiip/users/${user}/${what}`]);
  for (const filter of [
    '',
    '&consumer=wallet',
    '&consumer=nobody',
    '&order=desc',
    '&consumer=wallet&order=desc',
    ...['delivered', 'pending', 'dead'].flatMap((status) => [
      `&status=${status}`,
      `&consumer=wallet&status=${status}`,
    ]),
  ])
    for (const isDeep of [false, true])
      list.push([
        `deliveries${filter.replaceAll('&', ' ')}${isDeep ? ', deep' : ''}`,
        ({ deep }) => `/api/v1/deliveries?limit=10${filter}${isDeep ? `&after=dlv_${deep}` : ''}`,
      ]);
  const to = new Date();
  const from = new Date(to.getTime() - 20 * 3_600_000);
  list.push([
    'reconciliation of a day',
    () => `/api/v1/kiip/reconciliation?from=${from.toISOString()}&to=${to.toISOString()}`,
  ]);
  list.push(['metrics', () => '/metrics']);
  return list;
}

function cursor(position) {
  return `&after=${Buffer.from(`feed:${position}`).toString('base64url')}`;
}

/** One side after the other, again and again: whatever drifts drifts for both. @param unit of a `rate` more is better */
async function compare(measure, times = rounds, unit = 'time') {
  const values = { empty: [], full: [] };
  await measure(sides.empty);
  const firstTime = await measure(sides.full);
  for (let round = 0; round < times; round += 1)
    for (const name of round % 2 === 0 ? ['empty', 'full'] : ['full', 'empty'])
      values[name].push(await measure(sides[name]));
  // The fastest: what others take of the machine only adds.
  const best = unit === 'rate' ? Math.max : Math.min;
  const [empty, full] = [best(...values.empty), best(...values.full)];
  return {
    empty: Number(empty.toFixed(2)),
    full: Number(full.toFixed(2)),
    'full, first time': Number(firstTime.toFixed(2)),
    ratio: Number((unit === 'rate' ? full / empty : empty / full).toFixed(2)),
  };
}

async function compareStatements() {
  const [empty, full] = await Promise.all([sides.empty, sides.full].map(({ query }) => statements(query)));
  return Object.fromEntries(
    Array.from(full)
      .filter(([, { calls }]) => calls > 0)
      .map(([purpose, { calls, ms, pages }]) => {
        const before = empty.get(purpose);
        return [
          purpose,
          {
            calls,
            'empty, ms': Number(before.ms.toFixed(3)),
            'full, ms': Number(ms.toFixed(3)),
            ratio: Number((before.ms / ms).toFixed(2)),
            'empty, pages': Math.round(before.pages),
            'full, pages': Math.round(pages),
          },
        ];
      }),
  );
}

async function timeOf(side, path) {
  const startedAt = performance.now();
  const response = await get(side, path(side));
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${path(side)} was answered ${response.status}`);
  return performance.now() - startedAt;
}

function get({ url }, path) {
  return fetch(url + path, { headers: { authorization } });
}

async function callbacksPerSecond({ url }) {
  const startedAt = performance.now();
  let left = callbacksPerRound;
  const send = async () => {
    while ((left -= 1) >= 0) await sendCallback(url);
  };
  await Promise.all(Array.from({ length: inFlight }, send));
  return callbacksPerRound / ((performance.now() - startedAt) / 1000);
}

async function sendCallback(url) {
  const response = await fetch(`${url}/callbacks/kiip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: signedCallback('heavy'),
  });
  const { status } = await response.json();
  if (status !== 'recorded') throw new Error(`a callback was answered ${response.status}`);
}

/** The newest deliveries become due again: claims, what they send, and the results. */
/** Processor time until its event has been delivered and that is stored. */
async function microsOfCallback(side) {
  const pids = [side.pid, postgres.pid];
  await untilDelivered(side);
  const before = pids.map(cpuSeconds);
  await callbacksPerSecond(side);
  await untilDelivered(side);
  const [gateway, database] = pids.map((pid, index) =>
    Math.round(((cpuSeconds(pid) - before[index]) * 1e6) / callbacksPerRound),
  );
  return { gateway, database };
}

async function untilDelivered({ query }) {
  while ((await query(undelivered)).length > 0) await delay(10);
}

async function deliveriesPerSecond({ name, query }) {
  await untilDelivered({ query });
  const ids = await query(`select id from deliveries where consumer = 'wallet' and status = 'delivered'
    order by consumer desc, status desc, id desc limit ${deliveriesPerRound}`);
  const startedAt = performance.now();
  const before = arrived[name];
  await query(`update deliveries set status = 'pending', next_attempt_at = now(), ended_at = null
    where id in (${ids.map(({ id }) => id).join()})`);
  while (arrived[name] - before < deliveriesPerRound) await delay(5);
  await untilDelivered({ query });
  return deliveriesPerRound / ((performance.now() - startedAt) / 1000);
}

function startGateway({ name, database }) {
  const wallet = {
    name: 'wallet',
    url: `http://127.0.0.1:${consumer.address().port}/${name}`,
    secrets: [CONSUMER_SECRET],
    events: ['kiip.currency.issued'],
  };
  return startServer(GATEWAY, {
    ...environment(),
    DATABASE_URL: `postgresql://bench@127.0.0.1:${database.port}/${database.database}`,
    DELIVERY_CONSUMERS: JSON.stringify([wallet]),
    CALLER_SCOPES: JSON.stringify({ bench: ['ledger:read', 'deliveries:manage'] }),
    RETENTION_USERS_DAYS: '365',
    LOG_LEVEL: 'error',
  });
}
