import { assert, asyncProperty, string } from 'fast-check';
import { startKigoSandbox } from '../src/kigo/start-kigo-sandbox.js';
import type { KigoSandbox } from '../src/kigo/kigo-sandbox.js';
import { CREDENTIALS, json, KigoClient } from './support/kigo-client.js';

const ERROR_BODY = { error_code: expect.any(String), error_message: expect.any(String) };
const OTHER_PROGRAM = 'program-of-another';

let sandbox: KigoSandbox;
let kigo: KigoClient;

beforeAll(async () => {
  sandbox = await startKigoSandbox();
  kigo = new KigoClient(sandbox);
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

describe('the login of the Kigo sandbox', () => {
  it('answers 200 with a token, a new one every time, and the older ones stay valid', async () => {
    const first = await kigo.login();
    const tokens = [(json(first) as { token: string }).token, await kigo.token()];
    expect(first.status).toBe(200);
    expect(Object.keys(json(first) as object)).toEqual(['token']);
    expect(tokens[0]).not.toBe(tokens[1]);
    for (const token of tokens) expect((await kigo.lookup(token)).status).toBe(200);
  });

  it('answers 201 when configured to', async () => {
    sandbox.configure({ loginStatus: 201 });
    expect((await kigo.login()).status).toBe(201);
  });

  it('accepts a media type with parameters and in any case', async () => {
    const answer = await kigo.login(CREDENTIALS, { 'content-type': 'Application/JSON; charset=utf-8' });
    expect(answer.status).toBe(200);
  });

  it.each([
    ['partner id', { ...CREDENTIALS, partner_id: 'nobody' }],
    ['api key', { ...CREDENTIALS, api_key: 'wrong' }],
  ])('answers 401 to a wrong %s', async (_, credentials) => {
    const answer = await kigo.login(credentials);
    expect(answer.status).toBe(401);
    expect(json(answer)).toEqual({ ...ERROR_BODY, error_code: 'invalid_credentials' });
  });

  it('answers 403 to a disabled partner', async () => {
    sandbox.configure({ partnerDisabled: true });
    const answer = await kigo.login();
    expect([answer.status, json(answer)]).toEqual([403, ERROR_BODY]);
  });

  it('accepts every key of a rotation, and rejects a removed one', async () => {
    sandbox.configure({ apiKeys: ['demo-kigo-key', 'next'] });
    expect((await kigo.login()).status).toBe(200);
    expect((await kigo.login({ ...CREDENTIALS, api_key: 'next' })).status).toBe(200);
    sandbox.configure({ apiKeys: ['next'] });
    expect((await kigo.login()).status).toBe(401);
  });

  it.each([
    ['without partner_id', { api_key: 'demo-kigo-key' }, 'partner_id'],
    ['without api_key', { partner_id: 'demo-partner' }, 'api_key'],
    ['with a key that is no string', { ...CREDENTIALS, api_key: 5 }, 'api_key'],
  ])('answers 400 to a body %s, or 422 in plain text', async (_, body, field) => {
    const refused = await kigo.login(body);
    expect([refused.status, json(refused)]).toEqual([400, ERROR_BODY]);
    sandbox.configure({ missingFieldStatus: 422 });
    const plain = await kigo.login(body);
    expect([plain.status, plain.headers['content-type']]).toEqual([422, 'text/plain; charset=utf-8']);
    expect(plain.body.toString()).toContain(field);
  });

  it.each(['{', '', '[]', 'null', '"text"'])('answers 400 to the body %p', async (body) => {
    const answer = await kigo.login(body);
    expect([answer.status, json(answer)]).toEqual([400, ERROR_BODY]);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', ''])(
    'answers 415 to content type %p',
    async (type) => {
      const answer = await kigo.login(CREDENTIALS, type ? { 'content-type': type } : {});
      expect([answer.status, json(answer)]).toEqual([415, ERROR_BODY]);
    },
  );

  it('answers 413 to a body of more than 2 MiB', async () => {
    const answer = await kigo.login('x'.repeat(2 * 1024 * 1024 + 1));
    expect([answer.status, json(answer)]).toEqual([413, ERROR_BODY]);
  });

  it.each([
    ['absent', {}],
    ['null', { token: null }],
    ['empty', { token: '' }],
    ['number', { token: 1234567890 }],
  ] as const)('gives a token that is %s when switched', async (loginToken, body) => {
    sandbox.configure({ loginToken });
    expect(json(await kigo.login())).toEqual(body);
  });

  it('counts the maximum of concurrent logins', async () => {
    sandbox.addFault({ kind: 'slow', delayMs: 1_000, route: 'login' });
    await Promise.all(Array.from({ length: 20 }, () => kigo.login()));
    expect(sandbox.maxConcurrent('login')).toBe(20);
    sandbox.clearFaults();
    sandbox.clearRequests();
    await kigo.login();
    await kigo.login();
    expect(sandbox.maxConcurrent('login')).toBe(1);
  });
});

describe('the lifetime of a token of the Kigo sandbox', () => {
  it('is 1800 seconds of the virtual clock', async () => {
    const token = await kigo.token();
    sandbox.advance(1_790_000);
    expect((await kigo.lookup(token)).status).toBe(200);
    sandbox.advance(10_000);
    const answer = await kigo.lookup(token);
    expect([answer.status, json(answer)]).toEqual([401, { ...ERROR_BODY, error_code: 'token_expired' }]);
  });

  it.each([1, 0.02])('can be %d s', async (tokenTtlSeconds) => {
    sandbox.configure({ tokenTtlSeconds });
    const token = await kigo.token();
    sandbox.advance(tokenTtlSeconds * 1000);
    expect((await kigo.lookup(token)).status).toBe(401);
  });

  it('also ends in real time', async () => {
    sandbox.configure({ tokenTtlSeconds: 0.02 });
    const token = await kigo.token();
    await new Promise((resolve) => setTimeout(resolve, 25));
    expect((await kigo.lookup(token)).status).toBe(401);
  });

  it('can be over when the token is issued', async () => {
    sandbox.configure({ issueExpiredTokens: true });
    expect((await kigo.lookup(await kigo.token())).status).toBe(401);
  });

  it('can be shorter than announced', async () => {
    sandbox.configure({ tokenTtlSeconds: 5, announcedTokenTtlSeconds: 1800 });
    const { token, expires_in } = json(await kigo.login()) as { token: string; expires_in: number };
    expect(expires_in).toBe(1800);
    sandbox.advance(5_000);
    expect((await kigo.lookup(token)).status).toBe(401);
  });

  it('can end between lookup and summary', async () => {
    sandbox.configure({ tokenUses: 1 });
    const token = await kigo.token();
    const id = await kigo.accountId(token);
    expect((await kigo.summary(token, id)).status).toBe(401);
    expect((await kigo.summary(await kigo.token(), id)).status).toBe(200);
  });

  it('ends with a newer login when configured to', async () => {
    sandbox.configure({ revokeOlderTokens: true });
    const older = await kigo.token();
    const newer = await kigo.token();
    expect((await kigo.lookup(older)).status).toBe(401);
    expect((await kigo.lookup(newer)).status).toBe(200);
  });

  it('ends for all tokens at once when they are revoked', async () => {
    const tokens = [await kigo.token(), await kigo.token()];
    expect(sandbox.revokeAllTokens()).toBe(2);
    for (const token of tokens) expect((await kigo.lookup(token)).status).toBe(401);
    expect((await kigo.lookup(await kigo.token())).status).toBe(200);
  });

  it('leads to 403 after its end when configured to', async () => {
    sandbox.configure({ expiredTokenStatus: 403, issueExpiredTokens: true });
    const answer = await kigo.lookup(await kigo.token());
    expect([answer.status, json(answer)]).toEqual([403, { ...ERROR_BODY, error_code: 'token_expired' }]);
  });
});

describe.each([
  ['lookup', '/api/v1/accounts?external_user_id=user123&external_program_id=program456'],
  ['summary', '/api/v1/accounts/anything/hub-summary'],
])('authorization of %s', (_, path) => {
  it.each([
    ['no header', undefined],
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['no token', 'Bearer '],
    ['an unknown token', 'Bearer unknown'],
  ])('answers 401 to %s', async (__, authorization) => {
    const answer = await kigo.call(path, { headers: authorization === undefined ? {} : { authorization } });
    expect([answer.status, json(answer)]).toEqual([401, ERROR_BODY]);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });
});

describe('the lookup of the Kigo sandbox', () => {
  it('returns the account id and undocumented fields', async () => {
    const answer = await kigo.lookup(await kigo.token());
    expect(answer.status).toBe(200);
    expect(json(answer)).toEqual({
      account_id: expect.stringMatching(/^acc_[0-9a-f]{20}$/),
      external_user_id: 'user123',
      external_program_id: 'program456',
    });
  });

  it('returns the same id in every run', async () => {
    const another = await startKigoSandbox({ seed: 2 });
    const client = new KigoClient(another);
    expect(await client.accountId(await client.token())).toBe(await kigo.accountId(await kigo.token()));
    await another.close();
  });

  it('returns numeric ids that the summary accepts when configured to', async () => {
    sandbox.configure({ numericAccountIds: true });
    const token = await kigo.token();
    const id = await kigo.accountId(token);
    expect(Number.isSafeInteger(id)).toBe(true);
    expect(json(await kigo.summary(token, id))).toMatchObject({ unviewed_products: 12, account_id: id });
  });

  it('accepts external ids and account ids of any characters', async () => {
    const token = await kigo.token();
    const id = string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
    await assert(
      asyncProperty(id, id, id, async (user, program, account_id) => {
        sandbox.setAccount({
          external_user_id: user,
          external_program_id: program,
          account_id,
          total_tokens: 7,
        });
        expect(json(await kigo.lookup(token, user, program))).toEqual({
          account_id,
          external_user_id: user,
          external_program_id: program,
        });
        // A lone dot segment is gone from a URL before it is sent, encoded or not.
        if (/^\.\.?$/.test(account_id)) return;
        expect(json(await kigo.summary(token, account_id))).toMatchObject({ total_tokens: 7, account_id });
      }),
      { numRuns: 40 },
    );
  });

  it('reads a plus in the query as a space', async () => {
    sandbox.setAccount({ external_user_id: 'a b', external_program_id: 'program456', account_id: 'blank' });
    const path = '/api/v1/accounts?external_user_id=a+b&external_program_id=program456';
    expect(json(await kigo.get(path, await kigo.token()))).toMatchObject({ account_id: 'blank' });
  });

  it.each([
    ['missing', 'external_user_id=user123'],
    ['missing', 'external_program_id=program456'],
    ['missing', 'external_user_id=&external_program_id=program456'],
    ['repeated', 'external_user_id=a&external_user_id=a&external_program_id=program456'],
    ['repeated', 'external_user_id=a&external_program_id=b&external_program_id=c'],
  ])('answers 400 to a %s parameter: %s', async (how, query) => {
    const answer = await kigo.get(`/api/v1/accounts?${query}`, await kigo.token());
    expect([answer.status, json(answer)]).toEqual([400, ERROR_BODY]);
    expect(answer.body.toString()).toContain(how);
  });

  it.each([
    ['user', 'nobody', 'program456'],
    ['program', 'user123', 'nothing'],
  ])('answers 404 to an unknown %s', async (_, user, program) => {
    const answer = await kigo.lookup(await kigo.token(), user, program);
    expect([answer.status, json(answer)]).toEqual([404, ERROR_BODY]);
  });

  it('creates unknown accounts with no tokens when configured to', async () => {
    sandbox.configure({ unknownUser: 'create' });
    const token = await kigo.token();
    const id = await kigo.accountId(token, 'new', 'new');
    expect(json(await kigo.summary(token, id))).toMatchObject({ unviewed_products: 0, total_tokens: 0 });
    expect(await kigo.accountId(token, 'new', 'new')).toBe(id);
  });

  it.each([
    ['null-id', { account_id: null }],
    ['empty-array', []],
  ] as const)('answers 200 to an unknown user with %s when switched', async (unknownUser, body) => {
    sandbox.configure({ unknownUser });
    const answer = await kigo.lookup(await kigo.token(), 'nobody');
    expect([answer.status, json(answer)]).toEqual([200, body]);
  });

  it.each(['user123', 'nobody'])(
    'answers 404, or 403 when switched, for %s in the program of another partner',
    async (user) => {
      const token = await kigo.token();
      expect((await kigo.lookup(token, user, OTHER_PROGRAM)).status).toBe(404);
      sandbox.configure({ otherPartnerStatus: 403, unknownUser: 'create' });
      const answer = await kigo.lookup(token, user, OTHER_PROGRAM);
      expect([answer.status, json(answer)]).toEqual([403, ERROR_BODY]);
    },
  );
});

describe('the summary of the Kigo sandbox', () => {
  it('returns the counts and undocumented fields', async () => {
    const token = await kigo.token();
    const id = await kigo.accountId(token);
    const answer = await kigo.summary(token, id);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(json(answer)).toEqual({ unviewed_products: 12, total_tokens: 34, account_id: id });
  });

  it('returns changed counts at once and keeps the others', async () => {
    const token = await kigo.token();
    const id = await kigo.accountId(token);
    sandbox.setAccount({
      external_user_id: 'user123',
      external_program_id: 'program456',
      unviewed_products: 5,
    });
    expect(json(await kigo.summary(token, id))).toEqual({
      unviewed_products: 5,
      total_tokens: 34,
      account_id: id,
    });
  });

  it.each([null, -1, 1.5, '12', 2 ** 31, 2 ** 53, true, [], {}])('answers %p as a count', async (count) => {
    const ids = { external_user_id: 'user123', external_program_id: 'program456' };
    sandbox.setAccount({ ...ids, unviewed_products: count, extra: { more: 1 } });
    const token = await kigo.token();
    const answer = await kigo.summary(token, await kigo.accountId(token));
    expect(json(answer)).toMatchObject({ unviewed_products: count, more: 1 });
  });

  it('answers 404 for an id that is unknown, was replaced or was removed', async () => {
    const ids = { external_user_id: 'user123', external_program_id: 'program456' };
    const token = await kigo.token();
    const old = await kigo.accountId(token);
    sandbox.setAccount({ ...ids, account_id: 'new' });
    for (const id of ['unknown', old]) {
      const answer = await kigo.summary(token, id);
      expect([answer.status, json(answer)]).toEqual([404, ERROR_BODY]);
    }
    expect((await kigo.summary(token, 'new')).status).toBe(200);
    expect(sandbox.removeAccount(ids)).toBe(true);
    expect((await kigo.summary(token, 'new')).status).toBe(404);
    expect(sandbox.removeAccount(ids)).toBe(false);
  });

  it('answers 404, or 403 when configured to, for the account of another partner', async () => {
    const { account_id } = sandbox.setAccount({
      external_user_id: 'user123',
      external_program_id: OTHER_PROGRAM,
    });
    const token = await kigo.token();
    expect((await kigo.summary(token, account_id)).status).toBe(404);
    sandbox.configure({ otherPartnerStatus: 403 });
    expect((await kigo.summary(token, account_id)).status).toBe(403);
  });

  it('is served to the other partner after a change of credentials', async () => {
    const { account_id } = sandbox.setAccount({
      external_user_id: 'user123',
      external_program_id: OTHER_PROGRAM,
    });
    sandbox.configure({ partnerId: 'another-partner' });
    const { token } = json(await kigo.login({ ...CREDENTIALS, partner_id: 'another-partner' })) as {
      token: string;
    };
    expect((await kigo.summary(token, account_id)).status).toBe(200);
  });
});

describe('any other request to the Kigo sandbox', () => {
  it.each([
    '/api/v1',
    '/api/v1/accounts/',
    '/api/v1/accounts/x',
    '/api/v1/accounts//hub-summary',
    '/api/v1/accounts/%ff/hub-summary',
    '/api/v1/offers',
    '/api/v2/accounts',
    '/',
    '/__sandboxes',
  ])('answers 404 with the error body: %s', async (path) => {
    const answer = await kigo.call(path);
    expect([answer.status, json(answer)]).toEqual([404, ERROR_BODY]);
  });

  it.each([
    ['GET', '/api/v1/auth/sessions', 'POST'],
    ['POST', '/api/v1/accounts', 'GET'],
    ['DELETE', '/api/v1/accounts/x/hub-summary', 'GET'],
  ])('answers 405 to %s %s', async (method, path, allow) => {
    const answer = await kigo.call(path, { method });
    expect([answer.status, json(answer), answer.headers.allow]).toEqual([405, ERROR_BODY, allow]);
  });

  it('gets error codes as numbers when configured to', async () => {
    sandbox.configure({ numericErrorCodes: true });
    expect(json(await kigo.call('/'))).toEqual({ ...ERROR_BODY, error_code: expect.any(Number) });
  });
});
