import type { KigoSandbox } from '@rewards-gateway/sandbox';
import type { Environment } from '../../src/config/read-config.js';
import { startKigoSandbox } from '@rewards-gateway/sandbox';
import { badge, credentials } from '../support/gateway.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { startProcess } from '../support/gateway-process.js';
import { OpenConnection } from '../support/open-connection.js';
import { waitFor } from '../support/wait-for.js';

/** Far below the grace period of 16 s, and far above what a busy machine needs. */
const SOON_MS = 6_000;
/** Requests in flight when the process is told to stop. */
const SLOW = 20;

describe('a process that is told to stop', () => {
  let kigo: KigoSandbox;
  let gateway: GatewayProcess;
  const connections: OpenConnection[] = [];

  beforeAll(async () => {
    kigo = await startKigoSandbox();
  });
  beforeEach(() => kigo.reset());
  afterEach(async () => {
    for (const connection of connections.splice(0)) connection.close();
    await gateway[Symbol.asyncDispose]();
  });
  afterAll(() => kigo.close());

  async function start(env: Environment = {}) {
    gateway = startProcess({ KIGO_BASE_URL: kigo.url, ...env });
    return gateway.url();
  }

  function connect(url: string): OpenConnection {
    const connection = new OpenConnection(url);
    connections.push(connection);
    return connection;
  }

  const summariesCalled = (calls: number) =>
    waitFor(`Kigo receives ${calls} calls`, () => kigo.requests('summary').length === calls);

  async function stop(signal: NodeJS.Signals) {
    gateway.signal(signal);
    await gateway.logged('stopping');
  }

  it('lets requests in flight finish on SIGTERM, is not ready meanwhile, and ends although connections are open', async () => {
    const url = await start({ SHUTDOWN_GRACE_SECONDS: '16' });
    const idle = connect(url);
    expect(await idle.get('/health/live')).toMatchObject({ status: 200, connection: 'keep-alive' });
    await connect(url).get('/health/live');
    kigo.configure({ unknownUser: 'create' });
    kigo.addFault({ kind: 'slow', delayMs: 1_500, route: 'summary' });
    const slow = Array.from({ length: SLOW }, (_, user) =>
      connect(url).get(badge(`user-${user}`), credentials),
    );
    await summariesCalled(SLOW);
    await stop('SIGTERM');

    for (const probe of ['ready', 'startup'])
      expect(await connect(url).get(`/health/${probe}`)).toMatchObject({
        status: 503,
        connection: 'close',
        body: { status: 503, checks: { process: { status: 'down', state: 'draining' } } },
      });
    expect(await connect(url).get('/health/live')).toMatchObject({ status: 200, connection: 'close' });
    kigo.clearFaults();
    const inFlight = { status: 200, connection: 'close', body: { count: expect.any(Number) }, reused: false };
    expect(await Promise.all(slow)).toEqual(Array.from({ length: SLOW }, () => inFlight));
    // For a quarter of the grace period, clients and load balancers may not have noticed.
    expect(await idle.get(badge(), credentials)).toEqual({
      status: 200,
      connection: 'close',
      body: { count: 12 },
      reused: true,
    });
    expect(await connect(url).get(badge(), credentials)).toMatchObject({ status: 200, connection: 'close' });
    const since = performance.now();
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - since).toBeLessThan(SOON_MS);
    const logged = gateway.log().filter(({ msg, status }) => msg === 'request' && status === 200);
    expect(logged).toHaveLength(SLOW + 5);
  });

  it('lets requests finish until the grace period is over when Ctrl-C is sent again by npm, with exit code 0', async () => {
    const url = await start({ SHUTDOWN_GRACE_SECONDS: '2' });
    kigo.configure({ unknownUser: 'create' });
    kigo.addFault({ kind: 'slow', delayMs: 500, route: 'summary', times: 1 });
    const slow = connect(url).get(badge('slow'), credentials);
    await summariesCalled(1);
    kigo.addFault({ kind: 'hang', route: 'summary' });
    const hanging = connect(url).get(badge('another'), credentials).catch(codeOf);
    await summariesCalled(2);
    await stop('SIGINT');
    const since = performance.now();
    gateway.signal('SIGINT');

    expect(await slow).toMatchObject({ status: 200, connection: 'close' });
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - since).toBeLessThan(SOON_MS);
    expect(await hanging).toBe('ECONNRESET');
    expect(gateway.log().at(-1)).toMatchObject({ level: 'warn', msg: expect.stringMatching(/in flight/) });
  });

  it('ends at once with exit code 1 on a second SIGTERM', async () => {
    const url = await start();
    kigo.addFault({ kind: 'hang', route: 'summary' });
    const hanging = connect(url).get(badge(), credentials).catch(codeOf);
    await summariesCalled(1);
    await stop('SIGTERM');
    gateway.signal('SIGTERM');

    expect(await gateway.ended).toEqual({ code: 1, signal: null });
    expect(await hanging).toBe('ECONNRESET');
  });
});

const codeOf = (error: NodeJS.ErrnoException) => error.code;
