import * as fc from 'fast-check';
import { startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { problemIn } from '../support/problem.js';
import { getAsIs, sendBytes } from '../support/raw-http.js';
import { scale } from '../support/scale.js';

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({});
});
afterAll(() => gateway.close());

const detailOf = async (path: string) => {
  const { status, type, detail } = problemIn(await getAsIs(gateway.url, path));
  return [status, type, detail.split(',')[0]];
};
const ambiguous = [
  400,
  'urn:rewards-gateway:problem:validation',
  'The path must not contain encoded slashes',
];

describe('a path that a proxy may read in another way', () => {
  it.each([
    '/api/v1/kiip/issuances/..%2f..%2f..%2f..%2fcallbacks%2fkiip',
    '/callbacks/..%2fapi%2fv1%2fdeliveries',
    '/callbacks/%2e%2e/api/v1/deliveries',
    '/callbacks/.%2E/api/v1/deliveries',
    '/callbacks/../api/v1/deliveries',
    '/callbacks/./../api/v1/deliveries',
    '/callbacks/..;/api/v1/deliveries',
    '/callbacks/..;a=b/api/v1/deliveries',
    '/callbacks/..\\api\\v1\\deliveries',
    '/callbacks/..%5Capi%5cv1%5Cdeliveries',
    '/api/v1/deliveries/..',
    '/api/v1/deliveries/.',
    '/api/v1%2Fdeliveries',
    '/%2e/metrics',
    '/..',
    '/.',
    '/health%2flive',
    '/docs/..%2f..%2fpackage.json',
    '/docs/%2e%2e/%2e%2e/package.json',
    '/unknown/%2f',
  ])('is refused: %s', async (path) => {
    expect(await detailOf(path)).toEqual(ambiguous);
    expect(await detailOf(`${path}?a=b`)).toEqual(ambiguous);
  });

  it('is refused whichever letters of a known path are encoded', async () => {
    const paths = ['/api/v1/deliveries', '/api/v1/kiip/users/user-123/balances', '/health/live', '/metrics'];
    const encodedLetter = fc
      .tuple(fc.constantFrom(...paths), fc.nat(40), fc.boolean())
      .filter(([path, at]) => /[a-z]/.test(path[at] ?? ''))
      // An id may be encoded as a client likes.
      .filter(([path, at]) => !path.includes('user-123') || at < path.indexOf('user-123') || at > 28);
    await fc.assert(
      fc.asyncProperty(encodedLetter, async ([path, at, upper]) => {
        const code = path.charCodeAt(at).toString(16);
        const encoded = `%${upper ? code.toUpperCase() : code}`;
        expect(await detailOf(path.slice(0, at) + encoded + path.slice(at + 1))).toEqual(ambiguous);
      }),
      { numRuns: scale(40, 400) },
    );
  });

  it('is refused in absolute form and with every method', async () => {
    for (const line of [
      'GET http://a/callbacks/..%2fapi',
      'POST /callbacks/%2e%2e/api',
      'OPTIONS /a%5cb',
      'TRACE /..',
    ]) {
      const response = await sendBytes(
        gateway.url,
        `${line} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`,
      );
      expect([line, response.status, response.text.includes('encoded slashes')]).toEqual([line, 400, true]);
    }
  });

  it.each([
    ['/api/v1/kiip/users/a.b..c/balances', [403, 503]],
    ['/api/v1/kiip/users/.../balances', [403, 503]],
    ['/api/v1/kiip/users/%61%62/balances', [403, 503]],
    ['/api/v1/kiip/users/%252f/balances', [403, 503]],
    ['/health/live?path=..%2f..', [200]],
    ['/docs/swagger-ui.css', [200]],
    ['/...', [404]],
    ['/.well-known/x', [404]],
  ])('is not this one, which has one meaning: %s', async (path, statuses) => {
    expect(statuses).toContain((await getAsIs(gateway.url, path)).status);
  });
});
