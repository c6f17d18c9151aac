import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { KIGO_DEFAULTS, KIIP_DEFAULTS } from '@rewards-gateway/sandbox';
import { gatewayEnvironment } from '../../sandbox/src/gateway-process.js';
import { readConfig } from '../../src/config/read-config.js';

const MAIN = new URL('../../sandbox/dist/main.js', import.meta.url).pathname;

describe('the whole sandbox, as a command', () => {
  it('says so when its gateway ends by itself', async () => {
    const ports = ['PORT', 'SANDBOX_KIGO_PORT', 'SANDBOX_KIIP_PORT', 'SANDBOX_WALLET_PORT'];
    const anyPort = Object.fromEntries(ports.map((name) => [name, '0']));
    // A value that the gateway refuses at its start.
    const env = { ...process.env, ...anyPort, LOG_LEVEL: 'chatty' };
    const command = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const said: string[] = [];
    command.stderr.on('data', (text: Buffer) => said.push(text.toString()));
    expect((await once(command, 'close'))[0]).toBe(78);
    expect(said.join('').trimEnd().split('\n').at(-1)).toBe(
      'The gateway has ended by itself: exit code 78. So the sandbox ends too.',
    );
  });
});

describe('the gateway of the sandbox', () => {
  it('delivers to the wallet alone, whatever the shell has', () => {
    const env = gatewayEnvironment(
      { DELIVERY_CONSUMERS: '[]', DELIVERY_CONSUMERS_FILE: '/nowhere', LOG_LEVEL: 'debug' },
      {
        host: '127.0.0.1',
        port: 3000,
        kigo: { url: 'http://127.0.0.1:3001', settings: KIGO_DEFAULTS },
        kiip: { url: 'http://127.0.0.1:3002', settings: KIIP_DEFAULTS },
        wallet: { url: 'http://127.0.0.1:3003', secret: 'whsec_AAAA' },
        dataDir: '/tmp',
      },
    );
    const { deliveryConsumers, logLevel } = readConfig(env);
    expect(logLevel).toBe('debug');
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
});
