import { readFileSync } from 'node:fs';
import type { Environment } from '../../src/config/read-config.js';
import { credentials, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { rawCall } from '../support/raw-call.js';

const built = new URL('../../dist/console/', import.meta.url);
const html = readFileSync(new URL('index.html', built), 'utf8');
/** What the page loads. Beside them there may be those of the builds before. */
const assets = Array.from(html.matchAll(/"\.\/assets\/([^"]+)"/g), ([, name]) => name!);

async function withGateway(env: Environment, use: (gateway: Gateway) => Promise<void>): Promise<void> {
  const gateway = await startGateway(env);
  try {
    await use(gateway);
  } finally {
    await gateway.close();
  }
}

const ask = async (url: string, init: RequestInit = {}) => {
  const response = await fetch(url, { redirect: 'manual', ...init });
  await response.body?.cancel();
  return response;
};
const statusOf = async (url: string, init?: RequestInit) => (await ask(url, init)).status;
async function descriptionWith(env: Environment): Promise<unknown> {
  const gateway = await startGateway(env);
  try {
    return await (await fetch(`${gateway.url}/console/config.json`)).json();
  } finally {
    await gateway.close();
  }
}
const policyOf = ({ headers }: Response) => headers.get('content-security-policy')?.split('; ');

describe('/console', () => {
  let gateway: Gateway;

  beforeAll(async () => {
    gateway = await startGateway({});
  });
  afterAll(() => gateway.close());

  it('has a content security policy that trusts its own files alone', async () => {
    for (const path of ['', 'assets/none.js', `assets/${assets[0]}`, 'config.json']) {
      const response = await ask(`${gateway.url}/console/${path}`);
      expect(policyOf(response)).toEqual([
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
      ]);
      expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    }
  });

  it('leads to the folder that its links start from, behind a path prefix as well', async () => {
    const { status, headers } = await ask(`${gateway.url}/console`);
    expect([status, headers.get('location')]).toEqual([302, 'console/']);
  });

  it('is asked for anew, and its files are kept for ever', async () => {
    const cachingOf: Record<string, string> = {
      '': 'no-cache',
      'config.json': 'no-cache',
      ...Object.fromEntries(assets.map((name) => [`assets/${name}`, 'public, max-age=31536000, immutable'])),
    };
    for (const [path, expected] of Object.entries(cachingOf))
      expect((await ask(`${gateway.url}/console/${path}`)).headers.get('cache-control')).toBe(expected);
  });

  it.each([
    ['assets/../../main.js', 400],
    ['api/%2e%2e/metrics', 400],
    ['assets/%2e%2e/%2e%2e/main.js', 400],
    ['assets/..%2f..%2fmain.js', 400],
    [`assets/${assets[0]}.gz`, 404],
    ['assets/', 404],
    ['index.html', 404],
    ['none', 404],
  ])('has no other files: %s', async (path, status) => {
    // As it is: `fetch` would resolve the dots itself.
    expect((await rawCall(gateway.url, { path: `/console/${path}` })).status).toBe(status);
  });

  it('tells its version, and whether callers need a credential, and nothing else', async () => {
    const version = expect.stringMatching(/^\d+\.\d+\.\d+$/) as string;
    expect(await descriptionWith({})).toEqual({ version, sign_in: true, sandbox: null });
    expect(await descriptionWith({ CALLER_AUTH: 'none', API_KEYS: '', CALLER_SCOPES: '' })).toMatchObject({
      sign_in: false,
    });
  });

  it('serves the API, with the same credentials, and nothing else', async () => {
    const path = '/console/api/v1/kiip/issuances';
    expect(await statusOf(gateway.url + path)).toBe(401);
    expect(await statusOf(gateway.url + path, { headers: credentials })).toBe(503);
    for (const other of [
      '/console/api/none',
      '/console/health/live',
      '/console/callbacks/kiip',
      '/console/docs',
    ])
      expect([other, await statusOf(gateway.url + other, { headers: credentials })]).toEqual([other, 404]);
  });

  it('has less than 100 KB in all, compressed', () => {
    const files = ['index.html', ...assets.map((name) => `assets/${name}`)];
    const sizes = files.map((name) => readFileSync(new URL(`${name}.gz`, built)).length);
    expect(sizes.length).toBeGreaterThanOrEqual(3);
    // All of it is there: nothing is loaded later.
    for (const name of assets.filter((name) => name.endsWith('.js')))
      expect(readFileSync(new URL(`assets/${name}`, built), 'utf8')).not.toMatch(/\bimport\s*\(/);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(100_000);
  });

  it('has no inline script or style, which its policy would block', () => {
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=/);
  });
});

it('does not exist with CONSOLE=false', () =>
  withGateway({ CONSOLE: 'false' }, async ({ url }) => {
    for (const path of ['', '/', '/config.json', `/assets/${assets[0]}`, '/api/v1/kiip/issuances'])
      expect(await statusOf(`${url}/console${path}`, { headers: credentials })).toBe(404);
  }));

it('is on the management port alone where there is one, with the API', () =>
  withGateway({ MANAGEMENT_PORT: '0', CALLBACK_PORT: '0' }, async ({ url, urls }) => {
    const api = '/console/api/v1/kiip/issuances';
    for (const path of ['/console', '/console/', '/console/config.json', api])
      for (const origin of [url, urls.callbacks!])
        expect([path, await statusOf(origin + path, { headers: credentials })]).toEqual([path, 404]);
    expect(await statusOf(`${urls.management!}/console/`)).toBe(200);
    expect(await statusOf(urls.management! + api, { headers: credentials })).toBe(503);
    expect(await statusOf(urls.management! + api)).toBe(401);
    // Its own path stays that of PORT.
    expect(await statusOf(`${urls.management!}/api/v1/kiip/issuances`, { headers: credentials })).toBe(404);
  }));

it('may reach the sandbox only where CONSOLE_SANDBOX says so', () => {
  const sandbox = {
    kigo: 'http://127.0.0.1:3001',
    kiip: 'http://127.0.0.1:3002',
    wallet: 'http://127.0.0.1:3003',
  };
  return withGateway({ CONSOLE_SANDBOX: JSON.stringify(sandbox) }, async ({ url }) => {
    const policy = policyOf(await ask(`${url}/console/`));
    expect(policy).toContain(`connect-src 'self' ${Object.values(sandbox).join(' ')}`);
    expect(policy).toContain(`frame-src ${sandbox.kiip} kiip:`);
    expect(await (await fetch(`${url}/console/config.json`)).json()).toMatchObject({ sandbox });
  });
});
