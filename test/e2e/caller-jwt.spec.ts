import { createHmac } from 'node:crypto';
import supertest from 'supertest';
import { passSeconds, restoreClock } from '../support/clock.js';
import { apiKey, badge, everyScope, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { Issuer, algorithms, signingKey, tokenBy } from '../support/issuer.js';
import { scrapeMetrics, findSeries } from '../support/metrics.js';
import { problemIn } from '../support/problem.js';
import { waitFor } from '../support/wait-for.js';

let issuer: Issuer;
let world: World;

const serviceAccount = 'system:serviceaccount:shop:badge';
const longestSubject = 's'.repeat(512);

async function start(): Promise<void> {
  issuer = await Issuer.start();
  world = await startWorld({
    ...issuer.environment,
    CALLER_SCOPES: everyScope('shop', serviceAccount, longestSubject, 'made-up-1', 'made-up-2'),
  });
}

async function stop(): Promise<void> {
  restoreClock();
  await world.close();
  await issuer.close();
}

const ask = (token: string) =>
  supertest(world.gateway.url).get(badge()).set('authorization', `Bearer ${token}`);
const statuses = async (token: string, count: number) =>
  new Set((await Promise.all(Array.from({ length: count }, () => ask(token)))).map(({ status }) => status));
const now = () => Math.floor(Date.now() / 1000);
const decoded = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString()) as object;
const callers = () => world.gateway.log.filter(({ msg }) => msg === 'request').map((line) => line['caller']);

describe('a caller token', () => {
  beforeAll(start);
  afterAll(stop);

  it.each(algorithms)('is accepted when signed with %s', async (alg) => {
    const key = signingKey(alg);
    issuer.keys = [key];
    passSeconds(11);
    expect((await ask(issuer.token({}, key))).status).toBe(200);
  });

  it.each([
    ['the same key twice', () => ({ set: [issuer.keys[0]!, issuer.keys[0]!], key: issuer.keys[0]! })],
    [
      'several keys with one id',
      () => {
        const keys = [1, 2, 3].map(() => signingKey('ES256', 'shared-id'));
        return { set: keys, key: keys[2]! };
      },
    ],
  ])('is accepted when the key set of the issuer holds %s', async (_, keys) => {
    const { set, key } = keys();
    issuer.keys = set;
    passSeconds(301);
    await ask(issuer.token({}, key));
    await waitFor('the keys are fetched', async () => (await ask(issuer.token({}, key))).status === 200, 5);
    expect((await ask(issuer.token({}, signingKey('ES256', 'shared-id')))).status).toBe(401);
  });

  const accepted: [string, () => object, string][] = [
    ['of a Kubernetes service account', () => ({ sub: serviceAccount }), serviceAccount],
    ['with several audiences', () => ({ aud: ['other', 'rewards-gateway'] }), 'shop'],
    ['within 30 s after it expires, since clocks differ', () => ({ exp: now() - 20 }), 'shop'],
    ['within 30 s before it becomes valid, since clocks differ', () => ({ nbf: now() + 20 }), 'shop'],
    ['with a subject of the maximum length', () => ({ sub: longestSubject }), longestSubject],
    ['that lasts an hour', () => ({ exp: now() + 3_600, iat: now() }), 'shop'],
  ];

  it.each(accepted)('is accepted %s, and the log names the caller', async (_, changes, name) => {
    expect((await ask(issuer.token(changes()))).status).toBe(200);
    expect(callers().at(-1)).toBe(name);
  });

  const rejected: [string, () => string, RegExp][] = [
    ['after it expires', () => issuer.token({ exp: now() - 40 }), /expired/],
    ['before it becomes valid', () => issuer.token({ nbf: now() + 40 }), /"nbf"/],
    ['without an expiry', () => issuer.token({ exp: undefined }), /"exp"/],
    ['of another issuer', () => issuer.token({ iss: 'https://other.example' }), /"iss"/],
    ['for another audience', () => issuer.token({ aud: 'https://other.example' }), /"aud"/],
    ['without the time of issue', () => issuer.token({ iat: undefined }), /"iat"/],
    ['that lasts longer than an hour', () => issuer.token({ iat: now(), exp: now() + 3_601 }), /longer/],
    ['issued in the future', () => issuer.token({ iat: now() + 86_400, exp: now() + 90_000 }), /"iat"/],
    ['without an audience', () => issuer.token({ aud: undefined }), /"aud"/],
    ['without a subject', () => issuer.token({ sub: undefined }), /"sub"/],
    ['with only an authorized party', () => issuer.token({ sub: undefined, azp: 'client-7' }), /"sub"/],
    ['with an empty subject', () => issuer.token({ sub: '' }), /"sub"/],
    ['with a number as the subject', () => issuer.token({ sub: 7 }), /accepted|"sub"/],
    ['with a line break in the subject', () => issuer.token({ sub: 'a\nb' }), /"sub"/],
    ['with a subject that is too long', () => issuer.token({ sub: 's'.repeat(513) }), /"sub"/],
    [
      'when signed with another key under the same id',
      () => issuer.token({}, signingKey('ES256', issuer.keys[0]!.kid)),
      /not accepted/,
    ],
    [
      'with changed claims',
      () => {
        const [header, claims, signature] = issuer.token().split('.') as [string, string, string];
        const changed = Buffer.from(JSON.stringify({ ...decoded(claims), sub: 'admin' })).toString(
          'base64url',
        );
        return [header, changed, signature].join('.');
      },
      /not accepted/,
    ],
    ['without a signature', () => `${issuer.token().split('.').slice(0, 2).join('.')}.`, /not accepted/],
    [
      'with the algorithm "none"',
      () => {
        const [, claims] = issuer.token().split('.');
        return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`;
      },
      /not accepted/,
    ],
    [
      'when signed with HS256 and the public key',
      () => {
        const { kid, publicKey } = issuer.keys[0]!;
        const [, claims] = issuer.token().split('.');
        const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid })).toString('base64url');
        const secret = publicKey.export({ format: 'pem', type: 'spki' });
        const signature = createHmac('sha256', secret).update(`${header}.${claims}`).digest('base64url');
        return `${header}.${claims}.${signature}`;
      },
      /not accepted/,
    ],
    [
      'with a key of its own in its header',
      () => {
        const key = signingKey('ES256', 'own');
        const jwk = key.publicKey.export({ format: 'jwk' });
        return tokenBy(key, issuer.claims(), { jwk, kid: issuer.keys[0]!.kid });
      },
      /not accepted/,
    ],
    [
      'with an extension that must be understood',
      () => tokenBy(issuer.keys[0]!, issuer.claims(), { crit: ['odd'], odd: 1 }),
      /not accepted/,
    ],
    ['when it is an API key', () => apiKey, /not accepted/],
  ];

  it.each(rejected)('is rejected %s', async (_, token, detail) => {
    const asked = world.kigo.requests().length;
    const response = await ask(token());
    const problem = problemIn(response);
    expect([problem.status, problem.type]).toEqual([401, 'urn:rewards-gateway:problem:unauthenticated']);
    expect(problem.detail).toMatch(detail);
    expect(response.headers['www-authenticate']).toMatch(/^Bearer /);
    expect(callers().at(-1)).toBeUndefined();
    expect(world.kigo.requests()).toHaveLength(asked);
  });

  it.each([
    [undefined, 200],
    ['JWT', 200],
    ['jwt', 200],
    ['at+jwt', 200],
    ['application/at+jwt', 200],
    ['logout+jwt', 401],
    ['secevent+jwt', 401],
    ['dpop+jwt', 401],
    ['id_token', 401],
    ['', 401],
  ])('with the type %s gets %s', async (typ, status) => {
    const response = await ask(tokenBy(issuer.keys[0]!, issuer.claims(), { typ }));
    expect(response.status).toBe(status);
    expect(response.text.includes('The \\"typ\\" of this token')).toBe(status === 401);
  });

  it('is asked for when it is missing', async () => {
    expect(problemIn(await supertest(world.gateway.url).get(badge())).detail).toContain('<token>');
  });

  it('adds no caller to /metrics, since an issuer may issue any number of subjects', async () => {
    for (const sub of ['made-up-1', 'made-up-2']) expect((await ask(issuer.token({ sub }))).status).toBe(200);
    const counted = Object.keys(
      findSeries(await scrapeMetrics(world.gateway), 'rewards_gateway_http_requests_total'),
    );
    expect(counted.filter((labels) => labels.includes('unviewed-count') && labels.includes('200'))).toEqual([
      '{method="GET",route="/api/user/unviewed-count",status="200",caller=""}',
    ]);
    expect(counted.filter((labels) => !labels.includes('caller=""'))).toEqual([]);
  });

  it('appears in no log line', () => {
    expect(world.gateway.log.length).toBeGreaterThan(10);
    expect(JSON.stringify(world.gateway.log)).not.toContain('eyJ');
  });
});

describe('a caller token that was verified', () => {
  beforeAll(start);
  afterAll(stop);

  it('is accepted until it expires, with the tolerance for clocks', async () => {
    passSeconds(0);
    const token = issuer.token({ exp: now() + 20 });
    expect((await ask(token)).status).toBe(200);
    passSeconds(19);
    expect((await ask(token)).status).toBe(200);
    passSeconds(20);
    expect((await ask(token)).status).toBe(200);
    passSeconds(20);
    expect((await ask(token)).status).toBe(401);
  });
});

describe('the JWKS of the issuer', () => {
  beforeEach(async () => {
    await start();
    passSeconds(0);
  });
  afterEach(stop);

  it('is fetched once for any number of concurrent callers', async () => {
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([200]));
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([200]));
    expect(issuer.requests).toBe(1);
  });

  it('is fetched again when a token names an unknown key, but no more often than every 10 s', async () => {
    const old = issuer.token();
    expect((await ask(old)).status).toBe(200);
    issuer.keys = [signingKey('ES256', 'next')];
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([401]));
    expect(issuer.requests).toBe(1);
    passSeconds(11);
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([200]));
    expect(issuer.requests).toBe(2);
    // The withdrawn key is no longer accepted.
    expect((await ask(old)).status).toBe(401);
    expect(issuer.requests).toBe(2);
  });

  it('is fetched again after five minutes, so that withdrawn keys are dropped', async () => {
    const [old, next] = [issuer.keys[0]!, signingKey('ES256', 'next')];
    issuer.keys = [old, next];
    expect((await ask(issuer.token({}, next))).status).toBe(200);
    issuer.keys = [next];
    passSeconds(301);
    // This call refreshes the keys in the background.
    expect((await ask(issuer.token({}, next))).status).toBe(200);
    const withdrawn = issuer.token({}, old);
    while ((await ask(withdrawn)).status === 200);
    expect(issuer.requests).toBe(2);
  });

  it.each([
    ['fails', { status: 500, body: '' }],
    ['responds with HTML', { status: 200, body: '<html>' }],
    ['responds with something other than a key set', { status: 200, body: '{"keys":7}' }],
    ['responds with an empty set', { status: 200, body: '{"keys":[]}' }],
    ['responds with too much data', { status: 200, body: `{"keys":[{}],"x":"${'x'.repeat(1024 * 1024)}"}` }],
    ['redirects', { status: 302, body: '' }],
  ])('stays in use when the issuer %s, and unknown keys get 503', async (_, response) => {
    expect((await ask(issuer.token())).status).toBe(200);
    issuer.response = response;
    const [good] = issuer.keys;
    issuer.keys = [signingKey('ES256', 'next')];
    passSeconds(301);
    for (let round = 0; round < 3; round += 1) {
      expect((await ask(issuer.token({}, good))).status).toBe(200);
      expect((await ask(issuer.token({ aud: 'x' }, good))).status).toBe(401);
    }
    const unknown = problemIn(await ask(issuer.token()));
    // This key may be a new one.
    expect([unknown.status, unknown.type, unknown.retryable]).toEqual([503, 'about:blank', true]);
    expect(issuer.requests).toBe(2);
    expect(world.gateway.log.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ msg: 'JWKS fetch failed; using cached keys' }),
    ]);
  });

  it('leads to 503 with Retry-After until it has been fetched', async () => {
    issuer.response = { status: 503, body: '' };
    const problem = await ask(issuer.token());
    expect(problemIn(problem)).toMatchObject({ status: 503, retryable: true, retry_after_seconds: 1 });
    expect(problem.headers['retry-after']).toBe('1');
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([503]));
    expect(issuer.requests).toBe(1);
    expect(world.kigo.requests()).toEqual([]);
    issuer.response = undefined;
    passSeconds(1.1);
    expect((await ask(issuer.token())).status).toBe(200);
  });
});
