// In one run: what reads and callbacks take on a database with a long history, beside one with a day's entries. Needs an installed
// PostgreSQL. `npm run bench:growth -- 100000 1000000` fills fewer ledger entries and deliveries.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { API_KEY, CONSUMER_SECRET, environment, signedCallback } from './environment.js';
import { median, startServer, stop } from './processes.js';
import { startPostgres } from './services.js';
import { GATEWAY } from './workbench.js';

const [entries = 1_000_000, deliveries = 10_000_000] = process.argv.slice(2).map(Number);
const consumersPerEntry = Math.max(1, Math.round(deliveries / entries));
/** Both databases have these, of the last hours. */
const recent = 2_000;
const historyDays = 90;
/** A user with many entries: at most a tenth of all. */
const heavyUserEntries = Math.min(100_000, entries / 10);
const chunk = 50_000;
const rounds = 15;
const callbackRounds = 9;
const callbacksPerRound = 300;
const inFlight = 32;
const authorization = `Bearer ${API_KEY}`;

const postgres = await startPostgres();
if (!postgres) throw new Error('bench:growth needs an installed PostgreSQL');
const consumer = createServer((request, response) => request.resume().on('end', () => response.end()));
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
    await fill(url, name === 'full');
    if (name === 'full') console.log(`filled in ${Math.round((performance.now() - startedAt) / 1000)} s`);
    sides[name] = { ...(await startGateway(url)), database: url };
  }
  const results = {};
  for (const [name, path] of await paths()) results[name] = await compare((side) => timeOf(side, path));
  results['callbacks/s'] = await compare(callbacksPerSecond, callbackRounds);
  console.log(
    `\n${entries} ledger entries and ${entries * consumersPerEntry} deliveries; medians in milliseconds, Infinity for a 503`,
  );
  console.table(results);
} finally {
  await Promise.all(Object.values(sides).map(({ child }) => stop(child, 'SIGKILL')));
  consumer.close();
  consumer.closeAllConnections();
  await postgres.stop();
}

/** Fills the entries of the last hours and, for the full database, those of the days before. */
async function fill(url, isFull) {
  const client = new Client({ connectionString: url });
  await client.connect();
  // Foreign keys are not checked, which halves the time.
  await client.query(`set session_replication_role = replica; set work_mem = '256MB'`);
  if (isFull)
    for (let from = 1; from <= entries; from += chunk)
      await insert(
        client,
        from,
        Math.min(entries, from + chunk - 1),
        "interval '1 day'",
        historyDays * 86_400,
      );
  await insert(client, entries + 1, entries + recent, "interval '1 hour'", 3_600);
  await client.query(`select setval('ledger_feed_position', ${entries + recent})`);
  await client.query('vacuum analyze');
  await client.end();
}

/** @param age how old the newest of them is @param seconds the time that all of them were received in */
async function insert(client, from, to, age, seconds) {
  const first = to > entries ? entries : 0;
  const count = to > entries ? recent : entries;
  const at = `now() - ${age} - interval '1 second' * ${seconds} * (1 - (n - ${first})::float8 / ${count})`;
  await client.query(`
    insert into ledger (id, kind, status, reason_code, is_test, transaction_id, content, name, quantity, quantity_text, user_id, received_at,
      signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index, feed_position)
    select 'iss_' || lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || substr(md5(n::text), 1, 20),
      case when n % 4 = 0 then 'issuance' else 'redemption' end,
      case when n % 500 = 0 then 'quarantined' when n % 500 = 1 then 'discarded' when n % 500 = 2 then 'released' else 'recorded' end,
      case when n % 500 < 3 then 'unknown-reward' end, n % 50 = 0, md5('t' || n), md5('currency' || n % 3), 'Coins', n % 100 + 1,
      (n % 100 + 1)::text, case when n % 10 = 0 and (n <= ${heavyUserEntries * 10} or n > ${entries}) then 'heavy' else 'user-' || n % 20000 end, at,
      md5('s' || n), decode(md5(n::text) || md5(n::text), 'hex'), md5('x' || n), md5('f' || n), md5('h' || n), 'redemption', 1, n
    from (select n, ${at} as at from generate_series(${from}, ${to}) n) numbered`);
  await client.query(`
    insert into deliveries (ledger_id, consumer, status, accepted_at, next_attempt_at, attempts, last_status, ended_at)
    select id, consumer, d.status, received_at, case d.status when 'pending' then now() end, 1,
      case d.status when 'delivered' then 200 else 503 end, case when d.status <> 'pending' then received_at end
    from ledger, lateral (
      select case number when 0 then 'wallet' else 'consumer-' || number end as consumer,
        -- What is pending belongs to a consumer that is gone, so that nothing is sent.
        case when feed_position % 1000 <> 3 then 'delivered' when number = 1 then 'pending' else 'dead' end as status
      from generate_series(0, ${consumersPerEntry - 1}) number
    ) d where feed_position between ${from} and ${to} and ledger.status in ('recorded', 'released') order by feed_position`);
  await client.query(`
    insert into kiip_promised_rewards (transaction_id, kiip_user_id, user_id, reward_id, id_kind, is_test, promised_at)
    select transaction_id, user_id, user_id, transaction_id, 'view_id', is_test, received_at - interval '1 minute'
    from ledger where feed_position between ${from} and ${to}`);
  await client.query(`
    insert into kiip_rewarded_moments (reward_id, moment_id, user_id, virtual_value, rewarded_at)
    select transaction_id, 'moment', user_id, '20', received_at - interval '1 minute'
    from ledger where feed_position between ${from} and ${to}`);
}

/** What is measured: a name, and the path of a side. */
async function paths() {
  const total = entries + recent;
  /** The same place of either database: its first page, its middle, and what came last. */
  const places = {
    first: () => '',
    middle: (side) => (side === sides.full ? cursor(Math.round(entries / 2)) : cursor(entries + recent / 2)),
    last: () => cursor(total - 100),
  };
  const list = Object.entries(places).map(([name, after]) => [
    `feed, ${name} page`,
    (side) => `/api/v1/kiip/issuances?limit=100${after(side)}`,
  ]);
  for (const filter of [
    'user_id=user-77',
    'user_id=heavy',
    'status=recorded',
    'status=quarantined',
    'user_id=heavy&status=recorded',
  ])
    list.push([`feed, ${filter}`, () => `/api/v1/kiip/issuances?limit=100&${filter}`]);
  for (const side of Object.values(sides)) {
    const { items } = await (await get(side, `/api/v1/kiip/issuances?limit=1${cursor(total - 100)}`)).json();
    side.issuance = items[0].id;
    const newest = await query(side.database, 'select max(id) as id from deliveries');
    side.deep = Number(newest[0].id) - 1_000;
  }
  list.push(['an issuance by its id', ({ issuance }) => `/api/v1/kiip/issuances/${issuance}`]);
  for (const user of ['user-77', 'heavy', 'nobody'])
    list.push([`balances of ${user}`, () => `/api/v1/kiip/users/${user}/balances`]);
  for (const filter of [
    '',
    '&consumer=wallet',
    '&consumer=nobody',
    ...['delivered', 'pending', 'dead'].flatMap((status) => [
      `&status=${status}`,
      `&consumer=wallet&status=${status}`,
    ]),
  ])
    for (const isDeep of [false, true])
      list.push([
        `deliveries${filter.replaceAll('&', ' ')}${isDeep ? ', deep' : ''}`,
        ({ deep }) => `/api/v1/deliveries?limit=100${filter}${isDeep ? `&after=dlv_${deep}` : ''}`,
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

/** One side after the other, again and again: whatever drifts drifts for both. */
async function compare(measure, times = rounds) {
  const values = { empty: [], full: [] };
  await measure(sides.empty);
  const firstTime = await measure(sides.full);
  for (let round = 0; round < times; round += 1)
    for (const name of round % 2 === 0 ? ['empty', 'full'] : ['full', 'empty'])
      values[name].push(await measure(sides[name]));
  const [empty, full] = [median(values.empty), median(values.full)];
  return {
    empty: Number(empty.toFixed(2)),
    full: Number(full.toFixed(2)),
    'full, first time': Number(firstTime.toFixed(2)),
    'empty ÷ full': Number((empty / full).toFixed(2)),
  };
}

async function timeOf(side, path) {
  const startedAt = performance.now();
  const response = await get(side, path(side));
  await response.arrayBuffer();
  // A statement took longer than its limit.
  return response.ok ? performance.now() - startedAt : Infinity;
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

function startGateway(databaseUrl) {
  const wallet = {
    name: 'wallet',
    url: `http://127.0.0.1:${consumer.address().port}`,
    secrets: [CONSUMER_SECRET],
    events: ['kiip.currency.issued'],
  };
  return startServer(GATEWAY, {
    ...environment(),
    DATABASE_URL: databaseUrl,
    DELIVERY_CONSUMERS: JSON.stringify([wallet]),
    CALLER_SCOPES: JSON.stringify({ bench: ['ledger:read', 'deliveries:manage'] }),
    LOG_LEVEL: 'error',
  });
}

async function query(url, text) {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(text).finally(() => client.end());
  return rows;
}
