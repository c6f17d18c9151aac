import { startKiipSandbox } from '../src/kiip/start-kiip-sandbox.js';
import type { KiipSandbox } from '../src/kiip/kiip-sandbox.js';
import { rawCall } from '../../test/support/raw-call.js';

const CONSOLE = 'http://127.0.0.1:3000';
const PREFLIGHT = {
  method: 'OPTIONS',
  headers: { 'access-control-request-method': 'DELETE', 'access-control-request-headers': 'content-type' },
};

let kiip: KiipSandbox;
const consoleOrigins: string[] = [];

beforeAll(async () => {
  kiip = await startKiipSandbox({ consoleOrigins });
  consoleOrigins.push(CONSOLE);
});
afterAll(() => kiip.close());

const call = (path: string, origin: string, { method = 'POST', headers = {} } = {}) =>
  rawCall(kiip.url + path, { method, headers: { ...headers, origin } });

describe('what a page may do with the sandbox', () => {
  it('is everything for the console', async () => {
    const preflight = await call('/__sandbox/faults', CONSOLE, PREFLIGHT);
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        vary: 'origin',
        'access-control-allow-origin': CONSOLE,
        'access-control-allow-headers': 'content-type',
      },
    });
    expect(preflight.headers['access-control-allow-methods']).toContain('DELETE');
    for (const path of ['/__sandbox/reset', '/2.0/server/moment/'])
      expect((await call(path, CONSOLE)).headers).toMatchObject({ 'access-control-allow-origin': CONSOLE });
    expect(kiip.requests()).toHaveLength(1);
  });

  it.each(['http://127.0.0.1:3001', 'https://127.0.0.1:3000', 'null', 'http://evil.example'])(
    'is nothing for a page of %s',
    async (origin) => {
      expect(await call('/__sandbox/settings', origin, { method: 'GET' })).toMatchObject({ status: 403 });
      // What needs no preflight has no effect either.
      expect(await call('/__sandbox/faults', origin)).toMatchObject({ status: 403 });
      for (const path of ['/__sandbox/faults', '/2.0/server/moment/']) {
        const { status, headers } = await call(path, origin, PREFLIGHT);
        expect(status).not.toBe(204);
        expect(headers['access-control-allow-origin']).toBeUndefined();
      }
    },
  );

  it.each(['evil.example', 'evil.example:3002', '127.0.0.1.evil.example'])(
    'is nothing under the name %s',
    async (host) => {
      const { status, body } = await rawCall(`${kiip.url}/__sandbox/settings`, { headers: { host } });
      expect(status).toBe(403);
      expect(body).not.toContain('appSecret');
    },
  );

  it.each(['localhost:3002', '127.0.0.1', '[::1]:3002'])('is everything at %s', async (host) => {
    expect((await rawCall(`${kiip.url}/__sandbox/settings`, { headers: { host } })).status).toBe(200);
  });

  it('is nothing at all by default', async () => {
    const other = await startKiipSandbox();
    const headers = { origin: CONSOLE };
    expect((await rawCall(`${other.url}/__sandbox/settings`, { headers })).status).toBe(403);
    await other.close();
  });
});
