import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { FaultRule } from '../src/faults/fault.js';
import { startKigoSandbox } from '../src/kigo/start-kigo-sandbox.js';
import type { KigoSandbox } from '../src/kigo/kigo-sandbox.js';
import { json, KigoClient } from './support/kigo-client.js';
import type { RawCallResult } from '../../test/support/raw-call.js';

const MIB = 1024 * 1024;

let sandbox: KigoSandbox;
let kigo: KigoClient;
let token: string;
let id: string | number;
let real: { unviewed_products: number };

beforeAll(async () => {
  sandbox = await startKigoSandbox();
  kigo = new KigoClient(sandbox);
});
beforeEach(async () => {
  sandbox.reset();
  token = await kigo.token();
  id = await kigo.accountId(token);
  real = json(await kigo.summary(token, id)) as typeof real;
});
afterAll(() => sandbox.close());

/** The summary as it comes while this fault is on. */
function faulty(fault: FaultRule): Promise<RawCallResult> {
  sandbox.addFault(fault);
  return kigo.summary(token, id);
}

describe('a response that a fault replaces', () => {
  it('can have any status, by default with the error body of the vendor', async () => {
    const answer = await faulty({ kind: 'status', status: 500 });
    expect(answer.status).toBe(500);
    expect(json(answer)).toEqual({ error_code: 'internal_error', error_message: expect.any(String) });
  });

  it('can have any body and headers: text unchanged, other values as JSON', async () => {
    const text = await faulty({ kind: 'status', status: 422, body: 'no', headers: { 'X-Why': 'because' } });
    expect([text.status, text.body.toString(), text.headers['x-why']]).toEqual([422, 'no', 'because']);
    sandbox.clearFaults();
    const value = await faulty({ kind: 'status', status: 418, body: { tea: [null] } });
    expect([value.headers['content-type'], json(value)]).toEqual(['application/json', { tea: [null] }]);
    sandbox.clearFaults();
    const headers = { 'Content-Type': 'application/json' };
    const literal = await faulty({
      kind: 'status',
      status: 200,
      body: '{"unviewed_products":1e400}',
      headers,
    });
    expect(literal.headers['content-type']).toBe('application/json');
    expect(literal.body.toString()).toBe('{"unviewed_products":1e400}');
  });

  it.each([204, 304])('has no body with status %d', async (status) => {
    const answer = await faulty({ kind: 'status', status, body: 'ignored' });
    expect([answer.status, answer.body.length, answer.error]).toEqual([status, 0, undefined]);
  });

  it('can be a 502 with an HTML body', async () => {
    const answer = await faulty({ kind: 'bad-gateway' });
    expect([answer.status, answer.headers['content-type']]).toEqual([502, 'text/html; charset=utf-8']);
    expect(answer.body.toString()).toContain('<h1>502 Bad Gateway</h1>');
  });

  it.each([
    ['unavailable', 503, 7],
    ['rate-limited', 429, 0],
    ['unavailable', 503, 'Wed, 21 Oct 2037 07:28:00 GMT'],
    ['rate-limited', 429, undefined],
  ] as const)('is %s: %d with Retry-After %p', async (kind, status, retryAfter) => {
    const answer = await faulty({ kind, retryAfter });
    expect(answer.status).toBe(status);
    expect(answer.headers['retry-after']).toBe(retryAfter === undefined ? undefined : String(retryAfter));
    expect(json(answer)).toHaveProperty('error_code');
  });

  it.each([
    [undefined, 301],
    [301, 301],
    [308, 308],
  ] as const)('is a redirect, status %p', async (status, sent) => {
    const answer = await faulty({ kind: 'redirect', status, location: 'http://127.0.0.1:9/elsewhere' });
    expect([answer.status, answer.headers.location]).toEqual([sent, 'http://127.0.0.1:9/elsewhere']);
  });

  it('can be HTML with status 200', async () => {
    const answer = await faulty({ kind: 'html' });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
  });

  it('can have no body', async () => {
    const answer = await faulty({ kind: 'empty' });
    expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '0', 0]);
  });

  it.each([null, 12, 'text', [], {}, { unviewed_products: -1 }, { unviewed_products: 2 ** 31 + 1 }])(
    'is the JSON value %p',
    async (body) => {
      const answer = await faulty({ kind: 'json', body });
      expect([answer.status, json(answer)]).toEqual([200, body]);
    },
  );
});

describe('a response that a fault changes', () => {
  it('can end in the middle of its JSON with correct framing', async () => {
    const answer = await faulty({ kind: 'truncated' });
    expect([answer.status, answer.error]).toEqual([200, undefined]);
    expect(JSON.stringify(real).startsWith(answer.body.toString())).toBe(true);
    expect(() => json(answer)).toThrow(SyntaxError);
  });

  it('can have additional unknown fields', async () => {
    const members = json(await faulty({ kind: 'extra-fields' })) as object;
    expect(members).toMatchObject(real);
    expect(Object.keys(members).length).toBeGreaterThan(Object.keys(real).length);
  });

  it.each([null, -1, 1.5, '12', 2 ** 31])('has a count that is %p', async (count) => {
    const answer = await faulty({ kind: 'extra-fields', fields: { unviewed_products: count } });
    expect(json(answer)).toEqual({ ...real, unviewed_products: count });
  });

  it('can lack fields', async () => {
    const answer = await faulty({ kind: 'missing-fields', fields: ['unviewed_products', 'account_id'] });
    expect(json(answer)).toEqual({ total_tokens: 34 });
  });

  it.each([
    [undefined, 'text/html'],
    ['text/plain; charset=latin1', 'text/plain; charset=latin1'],
    ['', ''],
  ])('is called something else: %p', async (contentType, sent) => {
    const answer = await faulty({ kind: 'wrong-content-type', contentType });
    expect([answer.status, answer.headers['content-type'], json(answer)]).toEqual([200, sent, real]);
  });

  it('can be compressed without a request for compression', async () => {
    const answer = await faulty({ kind: 'gzip' });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(gunzipSync(answer.body).toString())).toEqual(real);
  });

  it('can have a corrupt compressed body', async () => {
    const answer = await faulty({ kind: 'broken-gzip' });
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(answer.body.subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    expect(() => gunzipSync(answer.body)).toThrow('invalid block type');
  });

  it('can be small when compressed and large when decoded', async () => {
    const answer = await faulty({ kind: 'gzip-bomb', bytes: 2 * MIB });
    const decoded = gunzipSync(answer.body);
    expect(answer.body.length).toBeLessThan(MIB / 100);
    expect(decoded.length).toBe(2 * MIB);
    expect(JSON.parse(decoded.toString())).toEqual(real);
  });

  it('can be larger than 1 MiB', async () => {
    const answer = await faulty({ kind: 'big-body' });
    expect(answer.body.length).toBe(2 * MIB);
    expect(json(answer)).toEqual(real);
  });

  it('can be delayed before the headers', async () => {
    const answer = await faulty({ kind: 'slow', delayMs: 40 });
    expect(answer.headMs).toBeGreaterThan(35);
    expect(json(answer)).toEqual(real);
  });

  it('shows the state at the arrival of the call, however long its delay', async () => {
    const pending = faulty({ kind: 'slow', delayMs: 40 });
    await untilSeen(2);
    sandbox.setAccount({
      external_user_id: 'user123',
      external_program_id: 'program456',
      unviewed_products: 5,
    });
    expect(json(await pending)).toEqual(real);
  });

  it('can be delayed after the headers', async () => {
    const answer = await faulty({ kind: 'slow-body', delayMs: 300 });
    // A busy machine may see the headers late.
    expect(answer.endMs - (answer.headMs ?? 0)).toBeGreaterThan(100);
    expect(json(answer)).toEqual(real);
  });

  it('can arrive in small pieces over time', async () => {
    const answer = await faulty({ kind: 'dribble', delayMs: 5, chunkBytes: 16 });
    expect(answer.endMs - (answer.headMs ?? 0)).toBeGreaterThan(15);
    expect(json(answer)).toEqual(real);
  });

  it('sends no more pieces after the client disconnects', async () => {
    sandbox.addFault({ kind: 'dribble', delayMs: 5 });
    const controller = new AbortController();
    const headers = { authorization: `Bearer ${token}` };
    const path = `/api/v1/accounts/${id}/hub-summary`;
    const pending = kigo.call(path, { headers, signal: controller.signal });
    await untilSeen(2);
    controller.abort();
    expect((await pending).error).toBe('ABORT_ERR');
    sandbox.clearFaults();
    expect(json(await kigo.summary(token, id))).toEqual(real);
  });
});

describe('a connection with a fault', () => {
  it('is reset before the headers', async () => {
    const answer = await faulty({ kind: 'reset' });
    expect([answer.status, answer.error]).toEqual([undefined, 'ECONNRESET']);
    expect(sandbox.requests().at(-1)).toMatchObject({ status: null, fault: 'reset' });
  });

  it('is reset after the headers and half of the body', async () => {
    const answer = await faulty({ kind: 'reset-after-headers' });
    expect([answer.status, answer.error]).toEqual([200, 'ECONNRESET']);
    expect(answer.body.length).toBeGreaterThan(0);
    expect(answer.body.length).toBeLessThan(Number(answer.headers['content-length']));
  });

  it('is closed before the announced length has been sent', async () => {
    const answer = await faulty({ kind: 'cut-off' });
    expect([answer.status, answer.error]).toEqual([200, 'ECONNRESET']);
    expect(answer.body.length).toBeLessThan(Number(answer.headers['content-length']));
  });

  it.each([
    ['reset', 'ECONNRESET'],
    ['reset-after-headers', 'ECONNRESET'],
    ['cut-off', 'FIN'],
  ] as const)('under %s ends with %s on the wire', async (kind, ending) => {
    sandbox.addFault({ kind });
    const socket = connect(sandbox.port, '127.0.0.1');
    socket.write(`GET /api/v1/accounts/${id}/hub-summary HTTP/1.1\r\nHost: a\r\n\r\n`);
    socket.resume();
    const seen = await new Promise((resolve) => {
      socket.once('end', () => resolve('FIN'));
      socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
    });
    socket.destroy();
    expect(seen).toBe(ending);
  });

  it('hangs until the client disconnects', async () => {
    sandbox.addFault({ kind: 'hang' });
    const signal = AbortSignal.timeout(40);
    const answer = await kigo.call(`/api/v1/accounts/${id}/hub-summary`, { signal });
    expect([answer.status, answer.error]).toEqual([undefined, 'ABORT_ERR']);
  });

  it('is closed by a reset of the sandbox while it hangs', async () => {
    const pending = faulty({ kind: 'hang' });
    await untilSeen(2);
    sandbox.reset();
    expect((await pending).error).toBe('ECONNRESET');
    expect(sandbox.maxConcurrent('summary')).toBe(0);
  });

  it.each(['hang', 'slow', 'slow-body'] as const)(
    'is closed when the sandbox closes during the fault %s',
    async (kind) => {
      const another = await startKigoSandbox();
      another.addFault(kind === 'hang' ? { kind } : { kind, delayMs: 60_000 });
      const pending = new KigoClient(another).login();
      while (another.requests().length === 0) await new Promise(setImmediate);
      await another.close();
      expect((await pending).error).toBe('ECONNRESET');
    },
  );
});

describe('a fault rule', () => {
  it('applies to the given number of next calls', async () => {
    sandbox.addFault({ kind: 'status', status: 500, times: 2 });
    expect(await statuses(4)).toEqual([500, 500, 200, 200]);
  });

  it('can fail two calls and let the next one pass', async () => {
    sandbox.addFault({ kind: 'fail-twice', route: 'summary' });
    expect((await kigo.lookup(token)).status).toBe(200);
    expect(await statuses(3)).toEqual([500, 500, 200]);
  });

  it('applies to every call by default', async () => {
    sandbox.addFault({ kind: 'status', status: 500 });
    expect(await statuses(5)).toEqual([500, 500, 500, 500, 500]);
    sandbox.clearFaults();
    expect(await statuses(1)).toEqual([200]);
  });

  it('applies at a rate, to the same calls in every run', async () => {
    sandbox.addFault({ kind: 'status', status: 500, rate: 0.5 });
    const first = await statuses(20);
    sandbox.reset();
    token = await kigo.token();
    sandbox.addFault({ kind: 'status', status: 500, rate: 0.5 });
    expect(await statuses(20)).toEqual(first);
    expect(new Set(first)).toEqual(new Set([200, 500]));
  });

  it.each([
    [0, 200],
    [1, 500],
  ])('at rate %d gives %d alone', async (rate, status) => {
    sandbox.addFault({ kind: 'status', status: 500, rate });
    expect(new Set(await statuses(10))).toEqual(new Set([status]));
  });

  it('applies to its route only', async () => {
    sandbox.addFault({ kind: 'status', status: 500, route: 'login' });
    expect((await kigo.login()).status).toBe(500);
    expect((await kigo.lookup(token)).status).toBe(200);
    expect((await kigo.summary(token, id)).status).toBe(200);
  });

  it.each([{ user: 'user123' }, { program: 'program456' }])(
    'is played on what is about %p, in lookup and summary',
    async (match) => {
      sandbox.setAccount({ external_user_id: 'b', external_program_id: 'b', account_id: 'b' });
      sandbox.addFault({ kind: 'status', status: 500, ...match });
      expect((await kigo.login()).status).toBe(200);
      expect((await kigo.lookup(token)).status).toBe(500);
      expect((await kigo.summary(token, id)).status).toBe(500);
      expect((await kigo.lookup(token, 'b', 'b')).status).toBe(200);
      expect((await kigo.summary(token, 'b')).status).toBe(200);
    },
  );

  it('applies to one account only', async () => {
    sandbox.setAccount({ external_user_id: 'b', external_program_id: 'b', account_id: 'b/ü' });
    sandbox.addFault({ kind: 'status', status: 500, account: 'b/ü' });
    expect((await kigo.summary(token, 'b/ü')).status).toBe(500);
    expect((await kigo.lookup(token, 'b', 'b')).status).toBe(500);
    expect((await kigo.summary(token, id)).status).toBe(200);
  });

  it('applies only when no earlier rule matches', async () => {
    sandbox.addFault({ kind: 'status', status: 500, times: 1 });
    sandbox.addFault({ kind: 'status', status: 503 });
    expect(await statuses(2)).toEqual([500, 503]);
  });

  it('does not count a failed call as a use of its token', async () => {
    sandbox.configure({ tokenUses: 1 });
    const once = await kigo.token();
    sandbox.addFault({ kind: 'status', status: 500, times: 1 });
    expect((await kigo.summary(once, id)).status).toBe(500);
    expect((await kigo.summary(once, id)).status).toBe(200);
  });

  it.each([
    [{ kind: 'nonsense' }, 'kind'],
    [{ kind: 'status' }, 'status'],
    [{ kind: 'status', status: 99 }, 'status'],
    [{ kind: 'status', status: 200, headers: { 'x-a': 'line\nbreak' } }, 'headers'],
    [{ kind: 'slow' }, 'delayMs'],
    [{ kind: 'hang', delayMs: 5 }, 'delayMs'],
    [{ kind: 'hang', route: 'elsewhere' }, 'route'],
    [{ kind: 'hang', times: 0 }, 'times'],
    [{ kind: 'hang', rate: 2 }, 'rate'],
    [{ kind: 'redirect' }, 'location'],
    [{ kind: 'json' }, 'body'],
    [{ kind: 'missing-fields', fields: 'all' }, 'fields'],
    [{ kind: 'unavailable', retryAfter: -1 }, 'retryAfter'],
  ])('%j is refused by the name of its fault', (rule, field) => {
    expect(() => sandbox.addFault(rule as FaultRule)).toThrow(expect.objectContaining({ field }));
  });
});

async function statuses(calls: number): Promise<(number | undefined)[]> {
  const seen: (number | undefined)[] = [];
  for (let call = 0; call < calls; call += 1) seen.push((await kigo.summary(token, id)).status);
  return seen;
}

/** Until so many summary calls have reached the sandbox, the one before each test included. */
async function untilSeen(calls: number): Promise<void> {
  while (sandbox.requests('summary').length < calls) await new Promise(setImmediate);
}
