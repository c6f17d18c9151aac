import { createHmac } from 'node:crypto';
import supertest from 'supertest';
import { passSeconds, restoreClock } from '../support/clock.js';
import { apiKey, badge, startWorld } from '../support/gateway.js';
import type { World } from '../support/gateway.js';
import { Issuer, algorithms, signingKey, tokenBy } from '../support/issuer.js';
import { scrapeMetrics, findSeries } from '../support/metrics.js';
import { problemIn } from '../support/problem.js';

let issuer: Issuer;
let world: World;

async function start(): Promise<void> {
  issuer = await Issuer.start();
  world = await startWorld(issuer.environment);
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

describe('a token', () => {
  beforeAll(start);
  afterAll(stop);

  it.each(algorithms)('signed with %s is accepted', async (alg) => {
    const key = signingKey(alg);
    issuer.keys = [key];
    passSeconds(11);
    expect((await ask(issuer.token({}, key))).status).toBe(200);
  });

  const accepted: [string, () => object, string][] = [
    [
      'of a Kubernetes service account',
      () => ({ sub: 'system:serviceaccount:shop:badge' }),
      'system:serviceaccount:shop:badge',
    ],
    ['for several audiences', () => ({ aud: ['other', 'rewards-gateway'] }), 'shop'],
    ['that expired a moment ago, by a clock that is not ours', () => ({ exp: now() - 20 }), 'shop'],
    ['that begins in a moment', () => ({ nbf: now() + 20 }), 'shop'],
    ['with as long a name as is taken', () => ({ sub: 's'.repeat(512) }), 's'.repeat(512)],
  ];

  it.each(accepted)('%s is accepted, and the log names the caller', async (_, changes, name) => {
    expect((await ask(issuer.token(changes()))).status).toBe(200);
    expect(callers().at(-1)).toBe(name);
  });

  const refused: [string, () => string, RegExp][] = [
    ['that has expired', () => issuer.token({ exp: now() - 40 }), /expired/],
    ['that is not valid yet', () => issuer.token({ nbf: now() + 40 }), /"nbf"/],
    ['without an end', () => issuer.token({ exp: undefined }), /"exp"/],
    ['of another issuer', () => issuer.token({ iss: 'https://other.example' }), /"iss"/],
    ['for another audience', () => issuer.token({ aud: 'https://other.example' }), /"aud"/],
    ['without an audience', () => issuer.token({ aud: undefined }), /"aud"/],
    ['without a name', () => issuer.token({ sub: undefined }), /"sub"/],
    ['with an authorized party alone', () => issuer.token({ sub: undefined, azp: 'client-7' }), /"sub"/],
    ['with an empty name', () => issuer.token({ sub: '' }), /"sub"/],
    ['with a number for a name', () => issuer.token({ sub: 7 }), /accepted|"sub"/],
    ['with a line break in its name', () => issuer.token({ sub: 'a\nb' }), /"sub"/],
    ['with too long a name', () => issuer.token({ sub: 's'.repeat(513) }), /"sub"/],
    [
      'signed with another key under the same id',
      () => issuer.token({}, signingKey('ES256', issuer.keys[0]!.kid)),
      /not accepted/,
    ],
    [
      'whose claims were changed',
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
      'signed by HS256 with the public key',
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
    ['that is an API key', () => apiKey, /not accepted/],
  ];

  it.each(refused)('%s is not accepted', async (_, token, detail) => {
    const asked = world.kigo.requests().length;
    const response = await ask(token());
    const problem = problemIn(response);
    expect([problem.status, problem.type]).toEqual([401, 'urn:rewards-gateway:problem:unauthenticated']);
    expect(problem.detail).toMatch(detail);
    expect(response.headers['www-authenticate']).toMatch(/^Bearer /);
    expect(callers().at(-1)).toBeUndefined();
    expect(world.kigo.requests()).toHaveLength(asked);
  });

  it('that is missing is asked for', async () => {
    expect(problemIn(await supertest(world.gateway.url).get(badge())).detail).toContain('<token>');
  });

  it('gives /metrics no name: an issuer may make up any number of them', async () => {
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

describe('the keys of the issuer', () => {
  beforeEach(async () => {
    await start();
    passSeconds(0);
  });
  afterEach(stop);

  it('are asked for once, however many callers come at once', async () => {
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([200]));
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([200]));
    expect(issuer.asked).toBe(1);
  });

  it('are asked for again when a token names one that is not known, but not more often than every 10 s', async () => {
    const old = issuer.token();
    expect((await ask(old)).status).toBe(200);
    issuer.keys = [signingKey('ES256', 'next')];
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([401]));
    expect(issuer.asked).toBe(1);
    passSeconds(11);
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([200]));
    expect(issuer.asked).toBe(2);
    // The one that was withdrawn is not accepted any more.
    expect((await ask(old)).status).toBe(401);
    expect(issuer.asked).toBe(2);
  });

  it('that were withdrawn are forgotten after five minutes, even if no token names a new one', async () => {
    const [old, next] = [issuer.keys[0]!, signingKey('ES256', 'next')];
    issuer.keys = [old, next];
    expect((await ask(issuer.token({}, next))).status).toBe(200);
    issuer.keys = [next];
    passSeconds(301);
    // This one asks in the background.
    expect((await ask(issuer.token({}, next))).status).toBe(200);
    const gone = issuer.token({}, old);
    while ((await ask(gone)).status === 200);
    expect(issuer.asked).toBe(2);
  });

  it.each([
    ['fails', { status: 500, body: '' }],
    ['answers something else', { status: 200, body: '<html>' }],
    ['answers what is no key set', { status: 200, body: '{"keys":7}' }],
    ['answers an empty set', { status: 200, body: '{"keys":[]}' }],
    ['answers too much', { status: 200, body: `{"keys":[{}],"x":"${'x'.repeat(1024 * 1024)}"}` }],
    ['sends us elsewhere', { status: 302, body: '' }],
  ])('stay in use when the issuer %s, and strangers stay out', async (_, answer) => {
    expect((await ask(issuer.token())).status).toBe(200);
    issuer.answer = answer;
    const [good] = issuer.keys;
    issuer.keys = [signingKey('ES256', 'next')];
    passSeconds(301);
    for (let round = 0; round < 3; round += 1) {
      expect((await ask(issuer.token({}, good))).status).toBe(200);
      expect((await ask(issuer.token({ aud: 'x' }, good))).status).toBe(401);
    }
    const stranger = problemIn(await ask(issuer.token()));
    // Nobody can say whether this key is a new one.
    expect([stranger.status, stranger.type, stranger.retryable]).toEqual([503, 'about:blank', true]);
    expect(issuer.asked).toBe(2);
    expect(world.gateway.log.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ msg: expect.stringContaining('the keys of the token issuer') }),
    ]);
  });

  it('that were never had let nobody in: 503 with Retry-After, until the issuer answers', async () => {
    issuer.answer = { status: 503, body: '' };
    const problem = await ask(issuer.token());
    expect(problemIn(problem)).toMatchObject({ status: 503, retryable: true, retry_after_seconds: 1 });
    expect(problem.headers['retry-after']).toBe('1');
    expect(await statuses(issuer.token(), 20)).toEqual(new Set([503]));
    expect(issuer.asked).toBe(1);
    expect(world.kigo.requests()).toEqual([]);
    issuer.answer = undefined;
    passSeconds(1.1);
    expect((await ask(issuer.token())).status).toBe(200);
  });
});
