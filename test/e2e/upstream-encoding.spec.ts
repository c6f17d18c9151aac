import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { badge, startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { momentCall, sessionCall } from '../support/kiip-world.js';
import { problemIn } from '../support/problem.js';

interface Answer {
  status?: number;
  body: Buffer;
  headers?: Record<string, string | string[]>;
}

const json = (value: object): Answer => ({ body: Buffer.from(JSON.stringify(value)) });
/** The answer with its `#` replaced by these bytes. */
const withBytes = ({ body, ...rest }: Answer, ...bytes: number[]): Answer => {
  const at = body.indexOf('#');
  return { ...rest, body: Buffer.concat([body.subarray(0, at), Buffer.from(bytes), body.subarray(at + 1)]) };
};
const compressed = (answer: Answer): Answer => ({
  ...answer,
  body: gzipSync(answer.body),
  headers: { 'content-encoding': 'gzip' },
});

/** What both vendors answer, by the end of the path. */
let answers: Record<'sessions' | 'hub-summary' | 'accounts' | 'moment', Answer>;
let asked: string[];
const vendors = createServer((request, response) => {
  const path = new URL(request.url!, 'http://a').pathname;
  asked.push(decodeURIComponent(path));
  const name = (['sessions', 'hub-summary', 'accounts', 'moment'] as const).find((part) =>
    path.includes(part),
  )!;
  const { status = 200, body, headers } = answers[name];
  request.resume().on('end', () => response.writeHead(status, headers).end(body));
});
let gateway: Gateway;

beforeAll(async () => {
  vendors.listen(0, '127.0.0.1');
  await once(vendors, 'listening');
});
beforeEach(async () => {
  asked = [];
  answers = {
    sessions: json({ token: 'token' }),
    accounts: json({ account_id: 'acc-1' }),
    'hub-summary': json({ unviewed_products: 3, total_tokens: 1 }),
    moment: json({ date: '2015-01-28T01:32:24.697136Z' }),
  };
  const url = `http://127.0.0.1:${(vendors.address() as AddressInfo).port}`;
  gateway = await startGateway({ KIGO_BASE_URL: url, KIIP_BASE_URL: url });
});
afterEach(() => gateway.close());
afterAll(() => {
  vendors.close();
  vendors.closeAllConnections();
});

const problemOf = async (response: Response) =>
  problemIn({
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text: await response.text(),
  });

const notUtf8: [string, number[]][] = [
  ['a byte that UTF-8 does not have', [0xff]],
  ['Latin-1', [0xe9]],
  ['half a character', [0xf0, 0x9f, 0x98]],
  ['an encoded surrogate', [0xed, 0xa0, 0x80]],
  ['an overlong slash', [0xc0, 0xaf]],
];

describe.each(notUtf8)('a response of a vendor with %s', (_, bytes) => {
  it('names no account: the call is 502, nothing else is asked for, and nothing is remembered', async () => {
    for (const change of [(answer: Answer) => answer, compressed]) {
      asked = [];
      answers.accounts = change(withBytes(json({ account_id: 'acc-#' }), ...bytes));
      const problem = await problemOf(await gateway.get(badge()));
      expect([problem.status, problem.type]).toEqual([502, 'urn:rewards-gateway:problem:upstream-failed']);
      expect(asked.filter((path) => path.includes('hub-summary'))).toEqual([]);
    }
    answers.accounts = json({ account_id: 'acc-1' });
    expect(await (await gateway.get(badge())).json()).toEqual({ count: 3 });
  });

  it('is no summary, login, session or moment', async () => {
    const strange = { note: '#' };
    answers['hub-summary'] = withBytes(json({ ...strange, unviewed_products: 3, total_tokens: 1 }), ...bytes);
    expect((await gateway.get(badge('another'))).status).toBe(502);
    answers.moment = withBytes(json({ ...strange, date: '2015-01-28T01:32:24.697136Z' }), ...bytes);
    expect((await gateway.post('/api/v1/kiip/sessions', sessionCall)).status).toBe(502);
    expect((await gateway.post('/api/v1/kiip/moments', momentCall)).status).toBe(502);
    await gateway.close();
    const url = `http://127.0.0.1:${(vendors.address() as AddressInfo).port}`;
    gateway = await startGateway({ KIGO_BASE_URL: url, KIIP_BASE_URL: url });
    answers.sessions = withBytes(json({ ...strange, token: 'token' }), ...bytes);
    expect((await gateway.get(badge())).status).toBe(502);
  });

  it('is judged by its status when that is an error, whatever the body is', async () => {
    const body = withBytes({ body: Buffer.from('#') }, ...bytes).body;
    answers.moment = { status: 429, body, headers: { 'retry-after': '7' } };
    const response = await gateway.post('/api/v1/kiip/moments', momentCall);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7']);
  });
});

describe('a response of a vendor', () => {
  it('may have each header twice: the first one counts', async () => {
    const date = new Date();
    const [now, soon, later] = [0, 20, 90].map((seconds) =>
      new Date(date.getTime() + seconds * 1_000).toUTCString(),
    ) as [string, string, string];
    answers.moment = {
      status: 503,
      body: Buffer.from('#'),
      headers: { 'retry-after': [soon, later], date: [now, now] },
    };
    const response = await gateway.post('/api/v1/kiip/moments', momentCall);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '20']);
  });

  it('may begin with a byte order mark, and have any character', async () => {
    answers.accounts = { body: Buffer.from(`\uFEFF${JSON.stringify({ account_id: 'acc-é-😀' })}`) };
    expect(await (await gateway.get(badge())).json()).toEqual({ count: 3 });
    expect(asked.filter((path) => path.includes('hub-summary'))).toEqual([
      expect.stringContaining('acc-é-😀'),
    ]);
  });

  it('may have any content coding that HTTP has, also in capitals, under an alias or as a list', async () => {
    const codings: [string, (body: Buffer) => Buffer][] = [
      ['identity', (body) => body],
      ['GZIP', gzipSync],
      ['x-gzip', gzipSync],
      ['deflate', deflateSync],
      ['Deflate', deflateRawSync],
      ['br', brotliCompressSync],
      ['zstd', zstdCompressSync],
      ['gzip, BR', (body) => brotliCompressSync(gzipSync(body))],
    ];
    const plain = answers;
    for (const [coding, encode] of codings) {
      for (const name of ['accounts', 'hub-summary', 'moment'] as const)
        answers[name] = { body: encode(plain[name].body), headers: { 'content-encoding': coding } };
      const count = await gateway.get(badge(`user of ${coding}`));
      const session = await gateway.post('/api/v1/kiip/sessions', sessionCall);
      expect([coding, count.status, await count.json(), session.status]).toEqual([
        coding,
        200,
        { count: 3 },
        200,
      ]);
      answers = { ...plain };
    }
  });

  it('must not have a content coding that is unknown or not that of its body', async () => {
    const { body } = json({ account_id: 'acc-1' });
    const responses: [string, Buffer][] = [
      ['compress', body],
      ['constructor', body],
      ['gzip, compress', gzipSync(body)],
      ['br', gzipSync(body)],
    ];
    for (const [coding, bytes] of responses) {
      answers.accounts = { body: bytes, headers: { 'content-encoding': coding } };
      const problem = await problemOf(await gateway.get(badge()));
      expect([problem.status, problem.type]).toEqual([502, 'urn:rewards-gateway:problem:upstream-failed']);
    }
    expect(asked.filter((path) => path.includes('hub-summary'))).toEqual([]);
  });
});
