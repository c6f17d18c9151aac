import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { apiKey, baseEnvironment } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import { waitFor } from '../support/wait-for.js';

const secrets = [apiKey, baseEnvironment['KIGO_API_KEY']!, baseEnvironment['KIIP_APP_SECRETS']!];

describe('npm start -- --check-config', () => {
  const check = { args: ['--check-config'] };

  it('prints the effective configuration with secrets masked, and exits 0', async () => {
    const env = { HUB_SUMMARY_TTL_SECONDS: '0.5', KIGO_TOKEN_TTL: '1' };
    await using gateway = startProcess(env, check);
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(gateway.lines).toContain('HUB_SUMMARY_TTL_SECONDS=0.5');
    expect(gateway.lines).toContain('ACCOUNT_TTL_SECONDS=86400');
    for (const name of ['KIGO_PARTNER_ID', 'KIGO_API_KEY', 'KIIP_APP_KEY'])
      expect(gateway.lines).toContain(`${name}=********`);
    expect(gateway.lines).toContain('REDIS_URL (unset)');
    for (const secret of secrets) expect(gateway.lines.join('\n')).not.toContain(secret);
    // What is accepted and may not be meant is said beside it.
    expect(gateway.errors()).toMatch(/^warning: KIGO_TOKEN_TTL is not a variable of this service/m);
    expect(gateway.errors().replaceAll(/^warning: .*\n/gm, '')).toBe('');
  });

  it('says which Node.js is needed, and why another one may run it', async () => {
    const preload =
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })";
    await using gateway = startProcess({}, { ...check, preload });
    expect((await gateway.ended).code).toBe(78);
    expect(gateway.errors()).toMatch(/Node\.js 24 is required, and this is 20\.20\.2: .*--ignore-scripts/);
  });

  it.each([
    ['with --check-config', check],
    ['on a normal start', {}],
  ])('lists every invalid variable without values, and exits 78: %s', async (_, options) => {
    const invalid = { PORT: 'http', KIGO_API_KEY: undefined, LOG_LEVEL: 'chatty', API_KEYS: 'no-colon-1234' };
    await using gateway = startProcess(invalid, options);
    expect((await gateway.ended).code).toBe(78);
    expect(gateway.lines).toEqual([]);
    const [title, ...errors] = gateway.errors().trimEnd().split('\n');
    expect(title).toBe('Invalid configuration:');
    expect(errors.map((error) => error.trim().split(' ')[0])).toEqual([
      'PORT',
      'KIGO_API_KEY',
      'API_KEYS',
      'LOG_LEVEL',
    ]);
    expect(gateway.errors()).not.toMatch(/http|chatty|no-colon-1234|node:/);
  });

  it('exits 64 for an unknown argument instead of starting the service', async () => {
    await using gateway = startProcess({}, { args: ['--chek-config'] });
    expect((await gateway.ended).code).toBe(64);
    expect(gateway.lines).toEqual([]);
    expect(gateway.errors()).toMatch(/'--chek-config'.*\nThe only argument is --check-config\.\n$/);
  });
});

describe('npm start', () => {
  it('exits 1 with one clear line when the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    await using gateway = startProcess({ PORT: String((other.address() as AddressInfo).port) });
    expect((await gateway.ended).code).toBe(1);
    other.close();
    expect(errorLines(gateway.log())).toEqual([
      { level: 'fatal', msg: 'cannot listen: the port in PORT is in use', code: 'EADDRINUSE' },
    ]);
    expect(gateway.errors()).toBe('');
  });

  it.each(['192.0.2.1', 'not a host'])('exits 1 with one clear line for HOST=%s', async (HOST) => {
    await using gateway = startProcess({ HOST });
    expect((await gateway.ended).code).toBe(1);
    expect(errorLines(gateway.log())).toEqual([
      expect.objectContaining({ msg: expect.stringMatching(/^cannot listen: HOST is not an address/) }),
    ]);
    expect(gateway.lines.join('\n')).not.toContain(HOST);
    expect(gateway.errors()).toBe('');
  });

  it('exits 1 with one clear line when SPOOL_DIR cannot be written', async () => {
    await using gateway = startProcess({ SPOOL_DIR: '/dev/null/spool' });
    expect((await gateway.ended).code).toBe(1);
    expect(errorLines(gateway.log())).toEqual([
      { level: 'fatal', msg: 'SPOOL_DIR cannot be written (ENOTDIR): it must be a folder of this user.' },
    ]);
    expect(gateway.errors()).toBe('');
  });

  it('can be stopped before it listens', async () => {
    await using gateway = startProcess();
    await gateway.logged('Starting Nest application...');
    // As when the terminal is closed.
    gateway.signal('SIGHUP');
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
  });
});

describe('an uncaught error', () => {
  it.each([
    ['is thrown', `throw new TypeError('${apiKey}')`],
    ['rejects', `void Promise.reject(new TypeError('${apiKey}'))`],
  ])(
    'is logged as one JSON line without message or stack, and ends the process with exit code 1, when it %s',
    async (_, failure) => {
      await using gateway = startProcess({}, { preload: `process.once('SIGUSR2', () => { ${failure} })` });
      await gateway.url();
      gateway.signal('SIGUSR2');
      expect((await gateway.ended).code).toBe(1);
      expect(errorLines(gateway.log())).toEqual([
        { level: 'fatal', msg: 'unexpected error', error: 'TypeError' },
      ]);
      expect(gateway.lines.join('\n')).not.toContain(apiKey);
      expect(gateway.errors()).toBe('');
    },
  );

  it('is located in the source file, although the program is a bundle', async () => {
    // What main.ts asks the server once it listens.
    const preload = `
      import { Server } from 'node:net';
      const { address } = Server.prototype;
      Server.prototype.address = function () {
        const [, , caller] = new Error().stack.split('\\n');
        return caller.includes('/dist/main.js') ? null : address.call(this);
      };
    `;
    await using gateway = startProcess({}, { preload });
    expect((await gateway.ended).code).toBe(1);
    expect(gateway.log().at(-1)).toMatchObject({
      msg: 'unexpected error',
      error: 'TypeError',
      at: expect.stringMatching(/^main\.ts:\d+:\d+$/) as string,
    });
  });
});

describe('the liveness probe', () => {
  it('gets no response while the event loop is blocked, and 503 after a block of ten seconds', async () => {
    // The monotonic clock of this process runs five times as fast, so that 2.2 s are 11 s.
    const clock = `const { now } = performance; performance.now = () => 5 * now.call(performance);`;
    const block = `process.stderr.write('still'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_200)`;
    const preload = `${clock} process.once('SIGUSR2', () => { ${block} })`;
    await using gateway = startProcess({}, { preload });
    const live = `${await gateway.url()}/health/live`;
    expect((await fetch(live)).status).toBe(200);
    gateway.signal('SIGUSR2');
    await waitFor('the event loop is blocked', () => gateway.errors() === 'still');
    const probe = fetch(live, { signal: AbortSignal.timeout(1_000) });
    await expect(probe).rejects.toMatchObject({ name: 'TimeoutError' });
    const response = await fetch(live);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ checks: { event_loop: { status: 'down' } } });
  });
});

/** The error and fatal log lines, without time and location. */
function errorLines(log: Record<string, unknown>[]) {
  return log
    .filter(({ level }) => level === 'fatal' || level === 'error')
    .map((line) =>
      Object.fromEntries(Object.entries(line).filter(([name]) => !['time', 'at'].includes(name))),
    );
}
