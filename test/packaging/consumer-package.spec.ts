import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { consumersConfig, CONSUMER_SECRET } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import { freePort } from '../support/free-port.js';
import { startGateway } from '../support/gateway.js';
import { redemption } from '../support/kiip.js';
import { problemsOf, typeErrorsIn } from '../support/packages.js';
import { installConsumer } from '../support/packed-consumer.js';
import type { PackedConsumer } from '../support/packed-consumer.js';
import { waitFor } from '../support/wait-for.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(join(root, 'clients/consumer/README.md'), 'utf8');
const examples = Array.from(readme.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code!);

const manifest = JSON.parse(readFileSync(join(root, 'clients/consumer/package.json'), 'utf8')) as {
  types: string;
  typesVersions: Record<string, Record<string, string[]>>;
  exports: Record<string, Record<string, string>>;
};

/** What the README uses of libraries that are not installed here. */
const OTHER_LIBRARIES = `
declare module '@prisma/client' {
  namespace Prisma { interface TransactionClient { $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): Promise<T> } }
  interface PrismaClient extends Prisma.TransactionClient {
    $transaction<R>(work: (tx: Prisma.TransactionClient) => Promise<R>, options: { timeout?: number; maxWait?: number; isolationLevel?: 'ReadCommitted' }): Promise<R>;
  }
}
declare module 'typeorm' {
  interface EntityManager { query<T = unknown>(sql: string, values?: unknown[]): Promise<T> }
  interface DataSource { transaction<T>(isolation: 'READ COMMITTED', work: (tx: EntityManager) => Promise<T>): Promise<T> }
}
`;

/** The coins would be lost without an error. */
const FORGOTTEN_EXECUTE = `
import { RewardsConsumer } from '@rewards-gateway/consumer';
import { kyselyInbox } from '@rewards-gateway/consumer/kysely';
import type { Kysely } from 'kysely';
declare const db: Kysely<{ credits: { id: string } }>;
const options = { secrets: [], inbox: kyselyInbox(db) };
// @ts-expect-error
new RewardsConsumer({ ...options, handle: ({ data }, tx) => tx.insertInto('credits').values({ id: data.id }) });
new RewardsConsumer({ ...options, handle: ({ data }, tx) => tx.insertInto('credits').values({ id: data.id }).execute() });
`;

let packed: PackedConsumer;

beforeAll(async () => {
  packed = await installConsumer();
}, 240_000);
afterAll(() => packed.remove());

const node = (...args: string[]) =>
  spawnSync(process.execPath, args, { cwd: packed.folder, encoding: 'utf8' });

describe('the package of the consumer kit', () => {
  it('has what it needs, and nothing else', () => {
    const { size } = packed;
    const paths = packed.files.map(({ path }) => path);

    expect(paths.filter((path) => !/^dist\/[\w-]+(\.d)?\.(js|ts)$/.test(path)).toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'package.json',
    ]);
    process.stdout.write(`The consumer kit has ${size} bytes.\n`);
    expect(size).toBeLessThan(20_000);
    expect(problemsOf(packed)).toBe('');
  });

  it('compiles with the examples of its README', () => {
    const files = [
      ...examples.map((code, index) => [`example-${index}.ts`, code]),
      ['other.d.ts', OTHER_LIBRARIES],
      ['forgotten-execute.ts', FORGOTTEN_EXECUTE],
    ];
    for (const [name, code] of files) writeFileSync(join(packed.folder, name!), code!);
    const client = join(root, 'clients/typescript/src');

    const paths = {
      '@rewards-gateway/client': [join(client, 'index.ts')],
      '@rewards-gateway/client/token-file': [join(client, 'token-file.ts')],
    };
    expect(typeErrorsIn(packed.folder, { paths })).toBe('');
    expect(files).toHaveLength(9);
  });

  it('can be required, and its types are found by older resolvers', () => {
    const names = Object.keys(manifest.exports).map((path) => path.replace('.', '@rewards-gateway/consumer'));
    const load = names.map((name) => `require('${name}')`).join(';');
    expect(node('--input-type=commonjs', '--eval', load)).toMatchObject({ status: 0, stderr: '' });
    const { types, typesVersions } = manifest;
    expect(new Set([types, ...Object.values(typesVersions['*']!).flat()])).toEqual(
      new Set(Object.values(manifest.exports).map((conditions) => conditions['types'])),
    );
  });

  it('works as the README begins, with a gateway', async () => {
    const database = await newDatabase();
    const port = await freePort();
    writeFileSync(join(packed.folder, 'wallet.ts'), examples[0]!.replace('8080', String(port)));
    const env = { DATABASE_URL: database.url, WEBHOOK_SECRETS: CONSUMER_SECRET };
    const wallet = spawn(process.execPath, ['wallet.ts'], { cwd: packed.folder, env, stdio: 'inherit' });
    const url = `http://127.0.0.1:${port}/events`;
    await waitFor('the wallet listens', async () => (await fetch(url, { method: 'POST' })).status === 401);
    const gateway = await startGateway({ ...database.env, DELIVERY_CONSUMERS: consumersConfig(url) });
    try {
      expect((await gateway.post('/callbacks/kiip', redemption())).status).toBe(200);

      await waitFor('it counts', async () => (await database.query('select 1 from balances')).length > 0);
      expect(await database.query('select user_id, quantity::int from balances')).toEqual([
        { user_id: 'user-123', quantity: 20 },
      ]);
      const test = await gateway.post('/api/v1/deliveries/consumers/wallet/test', {});
      expect(await test.json()).toMatchObject({ status: 200 });
    } finally {
      await gateway.close();
      const exited = once(wallet, 'exit');
      wallet.kill();
      await exited;
      await database.drop();
    }
  });

  it('shows how to test a handler', async () => {
    const file = 'handler-test.ts';
    writeFileSync(join(packed.folder, file), examples.at(-1)!);
    const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: packed.folder });
    expect(stdout).toBe(
      "first 200 { outcome: 'handled' } [ 50 ]\nagain 200 { outcome: 'duplicate' } [ 50 ]\n",
    );
  });
});
