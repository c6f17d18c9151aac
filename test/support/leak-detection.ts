import supertest from 'supertest';
import { createApp } from '../../src/app.js';
import { sendBytes } from './raw-http.js';
import type { RawResponse } from './raw-http.js';
import { startWorld } from './gateway.js';
import type { World } from './gateway.js';

/** Every secret, id and text of an upstream contains this word, and no response and no log line may. */
export const canary = 'canary';
export const apiKey = `${canary}-Api-Key-1`;
export const credentials = { authorization: `Bearer ${apiKey}` };
export const requestId = 'from.the-caller:1';
export const user = { external_user_id: `${canary}-user`, external_program_id: `${canary}-program` };
export const paths = {
  badge: `/api/user/unviewed-count?${String(new URLSearchParams(user))}`,
  account: `/api/v1/accounts?${String(new URLSearchParams(user))}`,
  summary: `/api/v1/accounts/${canary}/hub-summary`,
  batch: '/api/v1/unviewed-counts',
};

export function urn(name: string): string {
  return `urn:rewards-gateway:problem:${name}`;
}

type Headers = Record<string, string>;

/** Registers a world for each test of a file, or one for all. After each test, no response and no log line may contain a canary. */
export function setupLeakDetection({ perTest = true, create = createApp } = {}) {
  let world: World;
  let responses: { headers: object; text: string }[] = [];

  async function start(): Promise<void> {
    const kigoKey = `${canary}-kigo-key`;
    world = await startWorld(
      {
        KIGO_API_KEY: kigoKey,
        KIIP_APP_SECRETS: `${canary}-kiip-secret`,
        API_KEYS: `tester:${apiKey},other:${canary}-Api-Key-2`,
        KIGO_TIMEOUT_MS: '1000',
        LOG_LEVEL: 'trace',
      },
      create,
    );
    world.kigo.configure({ apiKeys: [kigoKey] });
    world.kigo.setAccount({ ...user, account_id: canary });
  }

  (perTest ? beforeEach : beforeAll)(start);
  beforeEach(() => {
    world.gateway.log.length = 0;
    world.kigo.clearRequests();
    responses = [];
  });
  afterEach(() => expectNoLeak(world, responses));
  (perTest ? afterEach : afterAll)(() => world.close());

  /** Keeps a response, to be searched for canaries. */
  async function record<T extends { headers: object; text: string }>(call: PromiseLike<T>): Promise<T> {
    const response = await call;
    responses.push({ headers: response.headers, text: response.text });
    return response;
  }

  return {
    get kigo() {
      return world.kigo;
    },
    get gateway() {
      return world.gateway;
    },
    record,
    get: (path: string, headers: Headers = credentials): Promise<supertest.Response> =>
      record(
        supertest(world.gateway.url)
          .get(path)
          .set({ 'x-request-id': requestId, ...headers }),
      ),
    post: (path: string, body: string, headers: Headers = {}): Promise<supertest.Response> =>
      record(
        supertest(world.gateway.url)
          .post(path)
          .set({ 'x-request-id': requestId, ...credentials, 'content-type': 'application/json', ...headers })
          .serialize((text: unknown) => text as string)
          .send(body),
      ),
    raw: (bytes: string | Buffer): Promise<RawResponse> => record(sendBytes(world.gateway.url, bytes)),
    /** The lines of the access log so far. */
    requestLines: () => world.gateway.log.filter(({ msg }) => msg === 'request'),
    /** Asserts that something is logged, and all of it with this request id. */
    expectLinesOf(id: string) {
      expect(world.gateway.log).not.toEqual([]);
      expect(world.gateway.log.filter((line) => line['requestId'] !== id)).toEqual([]);
    },
  };
}

function expectNoLeak({ gateway, kigo }: World, responses: object[]): void {
  const output = JSON.stringify([responses, gateway.log]);
  const tokens = kigo
    .requests()
    .map(({ headers }) => headers.authorization?.replace('Bearer ', '') ?? canary);

  expect(output).not.toMatch(new RegExp([canary, ...tokens].join('|'), 'i'));
  // No stack, no path of a source file, no message of a parser.
  expect(output).not.toMatch(/node_modules|file:\/\/|\bat \S+ \(|\/src\/|Unexpected token|JSON at position/);
}
