import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { KIGO_DEFAULTS, KIIP_DEFAULTS } from '@rewards-gateway/sandbox';
import { gatewayEnvironment } from '../../sandbox/src/gateway-process.js';
import { readConfig } from '../../src/config/read-config.js';
import { VARIABLES } from '../../src/config/variables.js';

const MAIN = new URL('../../sandbox/dist/main.js', import.meta.url).pathname;

describe('the whole sandbox, as a command', () => {
  it('says so when its gateway ends by itself', async () => {
    const ports = ['PORT', 'SANDBOX_KIGO_PORT', 'SANDBOX_KIIP_PORT', 'SANDBOX_WALLET_PORT'];
    const anyPort = Object.fromEntries(ports.map((name) => [name, '0']));
    // Ends the gateway at its start, and not the sandbox.
    const preload = "if (!process.argv[1].includes('sandbox')) process.exit(78)";
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(preload)}`;
    const env = { ...process.env, ...anyPort, NODE_OPTIONS };
    const command = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const said: string[] = [];
    command.stderr.on('data', (text: Buffer) => said.push(text.toString()));
    expect((await once(command, 'close'))[0]).toBe(78);
    expect(said.join('').trimEnd().split('\n').at(-1)).toBe(
      'The gateway has ended by itself: exit code 78. So the sandbox ends too.',
    );
  });
});

const SURROUNDINGS = {
  host: '127.0.0.1',
  port: 3000,
  kigo: { url: 'http://127.0.0.1:3001', settings: KIGO_DEFAULTS },
  kiip: { url: 'http://127.0.0.1:3002', settings: KIIP_DEFAULTS },
  wallet: { url: 'http://127.0.0.1:3003', secret: 'whsec_AAAA' },
  dataDir: '/tmp',
};

describe('the gateway of the sandbox', () => {
  it('has the configuration of the demonstration, whatever the shell is configured for', () => {
    const shell = {
      ...Object.fromEntries(
        Object.values(VARIABLES).flatMap(({ env: each }) => [
          [each, 'of another program'],
          [`${each}_FILE`, '/nowhere'],
        ]),
      ),
      PATH: '/bin',
    };
    const env = gatewayEnvironment(shell, SURROUNDINGS);
    expect(env['PATH']).toBe('/bin');
    const { deliveryConsumers, logLevel, redisUrl, role } = readConfig(env);
    expect([logLevel, redisUrl, role]).toEqual(['warn', undefined, 'all']);
    expect(deliveryConsumers).toEqual([
      {
        name: 'wallet',
        url: 'http://127.0.0.1:3003/events',
        secrets: ['whsec_AAAA'],
        events: ['kiip.currency.issued'],
        concurrency: 8,
      },
    ]);
  });

  it('has a console that may play, and a Redis where there is one', () => {
    const redis = { url: 'http://127.0.0.1:3004', redisUrl: 'redis://127.0.0.1:6380/1' };
    const { consoleSandbox, redisUrl, redisKeyPrefix } = readConfig(
      gatewayEnvironment({}, { ...SURROUNDINGS, redis }),
    );
    expect(consoleSandbox).toEqual({
      kigo: 'http://127.0.0.1:3001',
      kiip: 'http://127.0.0.1:3002',
      wallet: 'http://127.0.0.1:3003',
      redis: 'http://127.0.0.1:3004',
    });
    // A Redis may be used by others as well.
    expect([redisUrl, redisKeyPrefix]).toEqual([redis.redisUrl, 'sandbox:']);
  });
});
