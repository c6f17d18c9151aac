import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { describeWithChromium } from '../support/chromium.js';
import { openConsole } from '../support/console.js';
import type { OpenConsole } from '../support/console.js';
import { freePort } from '../support/free-port.js';
import { describeWithRedis, isRedisInstalled, startRedis } from '../support/redis.js';
import type { RedisServer } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const MAIN = new URL('../../sandbox/dist/main.js', import.meta.url).pathname;
const PORTS = ['PORT', 'SANDBOX_KIGO_PORT', 'SANDBOX_KIIP_PORT', 'SANDBOX_WALLET_PORT', 'SANDBOX_REDIS_PORT'];

describeWithChromium('the story of the sandbox, played in the console', () => {
  let redis: RedisServer | undefined;
  let sandbox: ChildProcess;
  let printed = '';
  let world: OpenConsole;

  beforeAll(async () => {
    redis = isRedisInstalled ? await startRedis() : undefined;
    const env: NodeJS.ProcessEnv = { ...process.env, ...(redis && { SANDBOX_REDIS_URL: redis.url }) };
    for (const name of PORTS) env[name] = String(await freePort());
    sandbox = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    sandbox.stdout!.setEncoding('utf8').on('data', (text: string) => (printed += text));
    [world] = await Promise.all([
      openConsole(`http://127.0.0.1:${env['PORT']}/console/`, ''),
      waitFor('it has printed where the console is', () => printed.includes('#/play'), 60),
    ]);
    await world.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  });
  afterAll(async () => {
    await world?.close();
    sandbox.kill('SIGTERM');
    await once(sandbox, 'exit');
    await redis?.close();
  });

  const press = (name: string) => world.page.getByRole('button', { name, exact: true }).click();
  /** The newest call with this text. */
  const line = (text: string) =>
    world.page.getByRole('list', { name: 'Calls' }).getByRole('listitem').filter({ hasText: text }).first();
  const redisState = async () => {
    const response = await fetch(new URL('/health/dependencies', world.url));
    return /"redis":\{"state":"(\w+)"/.exec(await response.text())?.[1];
  };
  /** The values at the top of the page. */
  const now = async () => {
    const names = await world.page.locator('.live dt').allInnerTexts();
    const values = await world.page.locator('.live dd').allInnerTexts();
    return Object.fromEntries(names.map((name, index) => [name, values[index]!.trim()]));
  };
  /** The same as soon as these are among them, or after a long time. */
  const nowWith = async (expected: Record<string, string>) => {
    let shown: Record<string, string> = {};
    await waitFor('the page shows it', async () => {
      shown = await now();
      return Object.entries(expected).every(([name, value]) => shown[name] === value);
    }).catch(() => undefined);
    return shown;
  };

  it('begins at the printed address, with the demo key', async () => {
    await world.page.goto(/Console: (\S+)/.exec(printed)![1]!);
    await press('Use the demo key');
    await world.page.getByRole('heading', { level: 1, name: 'Play' }).waitFor();
    expect(
      await nowWith({ 'Badge of user123': '12', 'Wallet: user-123': '0 Coins', Quarantined: '0' }),
    ).toMatchObject({ 'Badge of user123': '12', 'Wallet: user-123': '0 Coins', Quarantined: '0' });
    expect(await world.page.getByRole('button', { name: 'Redeem the reward' }).isDisabled()).toBe(true);
    await world.expectGood('play-first');
  });

  it('gives a reward for a level, and coins when its page redeems it', async () => {
    for (const name of ['Look at the badge', 'Open the app', 'Finish a level']) await press(name);
    await world.page.frameLocator('iframe').getByRole('button', { name: 'Redeem' }).click();
    await line('Kiip → Gateway Callback: a redemption 200 recorded').waitFor();
    await line('Gateway → Wallet Event: 20 Coins for user-123 200').waitFor();
    expect(await nowWith({ 'Ledger: user-123': '20 Coins', 'Wallet: user-123': '20 Coins' })).toMatchObject({
      'Ledger: user-123': '20 Coins',
      'Wallet: user-123': '20 Coins',
    });
  });

  it('gives the command of each step to paste, without the credential', async () => {
    await line('Look at the badge').getByRole('button').click();
    const copied = await world.page.evaluate<string>('navigator.clipboard.readText()');
    const [command] = /^curl .*/m.exec(printed)!;
    expect(copied.toLowerCase()).toBe(
      command.replace(/'(Authorization: Bearer )[^']*'/, '"$1$API_KEY"').toLowerCase(),
    );
  });

  it('counts no coin twice, and none that Kiip did not give', async () => {
    await press('Repeat the callback');
    await line('Callback: a redemption 200 duplicate').waitFor();
    await press('Twenty at once');
    await line('Callback: an issuance 200 recorded').waitFor();
    await press('Forge a callback');
    await line('Callback: a redemption 401').waitFor();
    await press('Send an odd one');
    expect(await nowWith({ Quarantined: '1' })).toMatchObject({ Quarantined: '1' });
    await press('Be a stranger with the app key');
    expect(
      await nowWith({ Quarantined: '2', 'Ledger: user-123': '40 Coins', 'Wallet: user-123': '40 Coins' }),
    ).toMatchObject({ Quarantined: '2', 'Ledger: user-123': '40 Coins', 'Wallet: user-123': '40 Coins' });
    await world.expectGood('play');
    await world.picture('console-play');
  });

  it('keeps what the wallet does not take, and shows who fails', async () => {
    await press('Let the wallet fail');
    await press('Let Kiip fail');
    await press('Fill in a survey');
    await line('Gateway → Wallet Event: 20 coins for user-123 500').waitFor();
    expect(await nowWith({ 'Ledger: user-123': '60 Coins', 'Wallet: user-123': '40 Coins' })).toMatchObject({
      'Ledger: user-123': '60 Coins',
      'Wallet: user-123': '40 Coins',
    });
    await press('Finish a level');
    await line('You → Gateway Finish a level 50').waitFor();
    await press('Let Kiip recover');
    await press('Let the wallet recover');
    expect(await nowWith({ 'Wallet: user-123': '60 Coins' })).toMatchObject({
      'Wallet: user-123': '60 Coins',
    });
  });

  describeWithRedis('with a Redis', () => {
    it('lets Redis fail and recover', async () => {
      await press('Let Redis fail');
      await waitFor('the gateway has lost Redis', async () => (await redisState()) === 'down');
      await press('Let Redis recover');
      await waitFor('the gateway has Redis again', async () => (await redisState()) === 'up');
      expect(await line('Let Redis recover').innerText()).toContain('204');
    });
  });

  it('leads to the other pages, and goes on when one comes back', async () => {
    await line('Callback: a redemption 200 recorded').getByRole('link', { name: 'Entry' }).click();
    await world.page.getByText('iss_').first().waitFor();
    await world.page.locator('.loading').first().waitFor({ state: 'detached' });
    await world.picture('console-entry');
    await world.page.goBack();
    await line('Look at the badge').waitFor();
    expect(await line('Twenty at once').count()).toBe(1);
  });

  it('shows the next person nothing of what one has done', async () => {
    await press('Sign out');
    await press('Use the demo key');
    await line('Gateway → Wallet').waitFor();
    expect(await line('You → ').count()).toBe(0);
  });

  it('is nowhere without a sandbox, and says how to get a Redis', async () => {
    const real = (await (await fetch(`${world.url}config.json`)).json()) as { sandbox: object };
    const { redis: _, ...others } = real.sandbox as Record<string, string>;
    const reloadWith = async (sandbox: object | null) => {
      await world.page.route('**/config.json', (route) => route.fulfill({ json: { ...real, sandbox } }));
      await world.page.reload();
    };
    await reloadWith(others);
    await world.page.getByText('SANDBOX_REDIS_URL=').waitFor();
    await reloadWith(null);
    await world.page.getByRole('heading', { level: 1, name: 'Not found' }).waitFor();
    expect(await world.page.getByRole('link', { name: 'Play', exact: true }).count()).toBe(0);
    await press('Sign out');
    await world.page.getByLabel('API key or token').waitFor();
    expect(await world.page.getByRole('button', { name: 'Use the demo key' }).count()).toBe(0);
  });
});
