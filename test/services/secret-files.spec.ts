import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock } from 'node:test';
import { ApiKeyAuthenticator } from '../../src/caller-auth/api-key-authenticator.js';
import { badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { RedisWorld } from '../support/redis-world.js';
import { describeWithRedis } from '../support/redis.js';
import { Config } from '../../src/config/config.js';
import { kiipAppKey, startKiipWorld } from '../support/kiip-world.js';
import { redemption, startKiipGateway } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';

let folder: string;
let file: string;
let world: World | undefined;

beforeEach(async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  folder = await mkdtemp(join(tmpdir(), 'secrets-'));
  file = join(folder, 'secret');
});

afterEach(async () => {
  await world?.close();
  world = undefined;
  mock.timers.reset();
  await rm(folder, { recursive: true });
});

/** Lets the gateway look at the file once more: instead of twice a second, whenever the test says so. */
const poll = () => mock.timers.tick(500);
const afterPolls = (condition: string, holds: () => boolean | Promise<boolean>) =>
  waitFor(condition, () => {
    poll();
    return holds();
  });

/** Replaces the file atomically, so that no reader sees half of it. */
async function replace(content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

const logged = (part: string) =>
  world!.gateway.log.filter(({ context, msg }) => context === 'Secrets' && String(msg).includes(part));

async function startWithKey(): Promise<void> {
  await writeFile(file, 'app:old-key\n');
  world = await startWorld({ API_KEYS: undefined, API_KEYS_FILE: file });
}

const statusOf = async (key: string) =>
  (await world!.gateway.get(badge(), { authorization: `Bearer ${key}` })).status;
const accepted = (key: string) => afterPolls(`${key} is accepted`, async () => (await statusOf(key)) === 200);
const ask = async () => (await world!.gateway.get(badge(), { 'cache-control': 'no-cache' })).status;
const keysSent = () =>
  world!.kigo.requests('login').map(({ body }) => (JSON.parse(body) as { api_key: string }).api_key);
const said = (part: string) => world!.gateway.log.some(({ msg }) => String(msg).includes(part));

describe('the file of API_KEYS', () => {
  it('is reloaded when it changes: keys are added, overlap and are removed without a restart', async () => {
    await startWithKey();
    expect([await statusOf('old-key'), await statusOf('new-key')]).toEqual([200, 401]);
    const usedAt = world!.gateway.app.get(ApiKeyAuthenticator).keyUsage()[0]!.lastUsedAt;
    expect(usedAt).toBeInstanceOf(Date);
    await replace('app:new-key,app:old-key');
    await accepted('new-key');
    expect(world!.gateway.app.get(ApiKeyAuthenticator).keyUsage()).toEqual([
      { caller: 'app', key: 1, lastUsedAt: expect.any(Date) },
      { caller: 'app', key: 2, lastUsedAt: usedAt },
    ]);
    expect(await statusOf('old-key')).toBe(200);
    await replace('app:new-key');
    await afterPolls('the old key is rejected', async () => (await statusOf('old-key')) === 401);
    expect(await statusOf('new-key')).toBe(200);
    expect(logged('secret reloaded')).toHaveLength(2);
    expect(JSON.stringify(world!.gateway.log)).not.toMatch(/(old|new)-key/);
  });

  it('is reloaded when Kubernetes replaces the symbolic link to its folder', async () => {
    for (const version of ['1', '2']) {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, 'keys'), `app:key-${version}`);
    }
    await symlink('1', join(folder, '..data'));
    await symlink(join('..data', 'keys'), file);
    world = await startWorld({ API_KEYS: undefined, API_KEYS_FILE: file });
    expect(await statusOf('key-1')).toBe(200);
    await symlink('2', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    await accepted('key-2');
    expect(await statusOf('key-1')).toBe(401);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['is empty', () => writeFile(file, '')],
    ['is not a list of keys', () => writeFile(file, 'canary without a name')],
    ['contains a key twice', () => writeFile(file, 'a:canary,b:canary')],
    ['is missing', () => unlink(file)],
  ])('changes nothing while it %s, which is logged once and without the value', async (_, damage) => {
    await startWithKey();
    await damage();
    await afterPolls('the warning is logged', () => logged('secret file invalid').length > 0);
    expect(await statusOf('old-key')).toBe(200);
    await replace('app:new-key');
    await accepted('new-key');
    expect(logged('secret file invalid')).toEqual([
      expect.objectContaining({ level: 'warn', variable: 'API_KEYS', reason: expect.stringMatching(/^\w/) }),
    ]);
    expect(JSON.stringify(world!.gateway.log)).not.toContain('canary');
  });

  it('is not reloaded while it is being written', async () => {
    await startWithKey();
    for (let length = 1; length <= 80; length += 1) {
      await writeFile(file, `app:${'k'.repeat(length)}`);
      poll();
      expect(await statusOf('old-key')).toBe(200);
    }
    await accepted('k'.repeat(80));
    expect(logged('')).toHaveLength(1);
  });
});

it('the file of KIIP_APP_SECRETS is reloaded, and old and new secrets verify while both are listed', async () => {
  await writeFile(file, 'first-secret');
  const gateway = await startKiipGateway({ KIIP_APP_SECRETS: undefined, KIIP_APP_SECRETS_FILE: file });
  const status = async (secret: string) => (await gateway.callback(redemption({}, secret))).status;
  expect([await status('first-secret'), await status('second-secret')]).toEqual([200, 401]);
  await replace('second-secret\nfirst-secret\n');
  await afterPolls('the new secret is in use', async () => (await status('second-secret')) === 200);
  expect(await status('first-secret')).toBe(200);
  await replace('second-secret');
  await afterPolls('the old secret is no longer in use', async () => (await status('first-secret')) === 401);
  await gateway.close();
});

it('the file of KIIP_APP_KEY is reloaded, and the key in it goes to Kiip with the next call', async () => {
  await writeFile(file, kiipAppKey);
  const kiip = await startKiipWorld({ KIIP_APP_KEY: undefined, KIIP_APP_KEY_FILE: file });
  expect((await kiip.session()).status).toBe(200);
  await replace('next-app-key');
  const sent = () =>
    kiip.kiip.requests().map(({ body }) => (JSON.parse(body) as { app: { app_key: string } }).app.app_key);
  await afterPolls('the new key is sent', async () => {
    await kiip.session();
    return sent().at(-1) === 'next-app-key';
  });
  expect(new Set(sent())).toEqual(new Set([kiipAppKey, 'next-app-key']));
  expect(kiip.gateway.app.get(Config).describe()).toMatch(/^KIIP_APP_KEY=\*+$/m);
  expect(JSON.stringify(kiip.gateway.log)).not.toContain('app-key');
  await kiip.close();
});

describe('the file of KIGO_API_KEY', () => {
  beforeEach(async () => {
    await writeFile(file, 'demo-kigo-key');
    world = await startWorld({ KIGO_API_KEY: undefined, KIGO_API_KEY_FILE: file });
    await ask();
  });

  it('is reloaded, and the new key is used after a login with it succeeds', async () => {
    world!.kigo.configure({ apiKeys: ['demo-kigo-key', 'next-key'] });
    await replace('next-key');
    await afterPolls('the new key is in use', () => said('new Kigo API key is in use'));
    expect(keysSent()).toEqual(['demo-kigo-key', 'next-key']);
    // The token of that login is used.
    expect(await ask()).toBe(200);
    expect(keysSent()).toHaveLength(2);
    world!.kigo.configure({ apiKeys: ['next-key'] });
    world!.kigo.revokeAllTokens();
    expect(await ask()).toBe(200);
    expect(keysSent().at(-1)).toBe('next-key');
    expect(JSON.stringify(world!.gateway.log)).not.toContain('next-key');
  });

  it('leaves the old key in use while Kigo rejects the new one', async () => {
    await replace('wrong-key');
    await afterPolls('the new key is rejected', () => said('new Kigo API key rejected'));
    world!.kigo.revokeAllTokens();
    expect(await ask()).toBe(200);
    expect(keysSent()).toEqual(['demo-kigo-key', 'wrong-key', 'demo-kigo-key']);
    // The old key needs no login.
    await replace('demo-kigo-key');
    await afterPolls('the file is reloaded', () => logged('secret reloaded').length === 2);
    expect(keysSent()).toHaveLength(3);
    world!.kigo.configure({ apiKeys: ['third-key'] });
    await replace('third-key');
    await afterPolls('the third key is in use', () => said('new Kigo API key is in use'));
    expect(JSON.stringify(world!.gateway.log)).not.toMatch(/(wrong|third)-key/);
  });

  it('ends the backoff that follows the rejection of the old key', async () => {
    world!.kigo.configure({ apiKeys: ['next-key'] });
    world!.kigo.revokeAllTokens();
    expect(await ask()).toBe(502);
    await replace('next-key');
    await afterPolls('calls work again', async () => (await ask()) === 200);
    world!.kigo.revokeAllTokens();
    expect(await ask()).toBe(200);
  });
});

describeWithRedis('the Kigo token in Redis', () => {
  it('is encrypted with the new Kigo API key once that is in use', async () => {
    // The time limits of Redis are counted in intervals.
    mock.timers.reset();
    const shared = await RedisWorld.create({ direct: true });
    await shared.redis.start();
    shared.kigo.configure({ apiKeys: ['demo-kigo-key', 'next-key'] });
    await writeFile(file, 'demo-kigo-key');
    const first = await shared.sharingGateway({ KIGO_API_KEY: undefined, KIGO_API_KEY_FILE: file });
    await replace('next-key');
    await waitFor('a login with the new key succeeds', () => shared.kigo.requests('login').length === 1);
    await shared.retryOnTimeout(async (user) => {
      await shared.redis.command('FLUSHALL');
      shared.kigo.revokeAllTokens();
      expect((await first.get(badge(`${user}-a`))).status).toBe(200);
      await shared.stored(':token:');
      const later = await shared.sharingGateway({ KIGO_API_KEY: 'next-key' });
      shared.kigo.clearRequests();
      expect((await later.get(badge(user))).status).toBe(200);
      expect(shared.kigo.requests('login')).toEqual([]);
    });
    await shared.close();
  });
});
