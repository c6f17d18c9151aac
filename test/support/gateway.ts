import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from '../../src/app.js';
import { SCOPES } from '../../src/config/parsers.js';
import { readConfig } from '../../src/config/read-config.js';
import type { Environment } from '../../src/config/read-config.js';
import { Database } from '../../src/database/database.js';
import { createLogger } from '../../src/log/logger.js';
import { startKigoSandbox } from '@rewards-gateway/sandbox';
import type { KigoSandbox } from '@rewards-gateway/sandbox';
import { waitFor } from './wait-for.js';

/** CALLER_SCOPES that lets these callers do everything. */
export const everyScope = (...callers: string[]) =>
  JSON.stringify(Object.fromEntries(callers.map((caller) => [caller, SCOPES])));

export const apiKey = 'test-api-key-0001';
export const credentials = { authorization: `Bearer ${apiKey}` };

/** The environment of every test; most tests override `KIGO_BASE_URL`. */
export const baseEnvironment: Environment = {
  KIGO_BASE_URL: 'http://127.0.0.1:9',
  KIGO_PARTNER_ID: 'demo-partner',
  KIGO_API_KEY: 'demo-kigo-key',
  // The sandbox's credentials are public: they are accepted while every vendor is on this machine.
  KIIP_BASE_URL: 'http://127.0.0.1:9',
  // Most tests need no database: nothing listens there, so none is started.
  DATABASE_URL: 'postgres://127.0.0.1:1/none',
  KIIP_APP_KEY: 'test-app-key',
  KIIP_APP_SECRETS: 'test_app_secret_0001',
  API_KEYS: `tester:${apiKey}`,
  // Most tests send callbacks without a moment before. Those of the defaults set them.
  KIIP_UNKNOWN_REWARDS: 'accept',
  KIIP_UNKNOWN_USERS: 'accept',
  KIIP_USER_REFERENCE: 'plain',
  CALLER_SCOPES: everyScope('tester', 'other', 'another', 'caller', 'shop', 'app'),
  // Tests make requests as fast as they can.
  RATE_LIMIT_PER_MINUTE: '0',
  FAILED_CREDENTIALS_PER_MINUTE: '0',
  // Tests of a database that is unavailable expect the response to that.
  CALLBACK_HOLD_SECONDS: '0.001',
  LOG_LEVEL: 'debug',
};

export interface Gateway {
  readonly url: string;
  /** Origins of the ports that have variables of their own. */
  readonly urls: { readonly callbacks?: string; readonly management?: string };
  readonly app: NestFastifyApplication;
  /** Every log line so far, parsed; without those of the database when the test has none. */
  readonly log: Record<string, unknown>[];
  /** GETs a path with a valid credential. */
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** POSTs JSON with a valid credential. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  close(): Promise<void>;
}

/** Starts the real app on a free port; `create` may extend it. */
export async function startGateway(env: Environment, create = createApp): Promise<Gateway> {
  const log: Record<string, unknown>[] = [];
  const config = readConfig({ ...baseEnvironment, ...env });
  const hasDatabase = config.databaseUrl !== baseEnvironment['DATABASE_URL'];
  const logger = createLogger(config.logLevel, {
    write: (line) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      // Without a database, its connection attempts are not what a test looks for.
      if (hasDatabase || entry['context'] !== 'Database') log.push(entry);
    },
  });
  const app = await create(config, logger);
  await app.listen(0, '127.0.0.1');
  const others = await app.getHttpAdapter().getInstance().listenBesides();
  const urls = Object.fromEntries(others.map(({ listener, port }) => [listener, `http://127.0.0.1:${port}`]));
  if (hasDatabase)
    await waitFor('the database is migrated', () => app.get(Database, { strict: false }).migrated);
  const url = await app.getUrl();
  return {
    url,
    urls,
    app,
    log,
    get: (path, headers) => fetch(url + path, { headers: { ...credentials, ...headers } }),
    post: (path, body, headers) =>
      fetch(url + path, {
        method: 'POST',
        headers: { ...credentials, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    close: () => app.close(),
  };
}

export interface World {
  readonly kigo: KigoSandbox;
  readonly gateway: Gateway;
  close(): Promise<void>;
}

/** Starts a simulated Kigo and a gateway that uses it. */
export async function startWorld(env: Environment = {}, create = createApp): Promise<World> {
  const kigo = await startKigoSandbox();
  const gateway = await startGateway({ KIGO_BASE_URL: kigo.url, ...env }, create);
  return {
    kigo,
    gateway,
    close: async () => {
      await gateway.close();
      await kigo.close();
    },
  };
}

/** The path of the unviewed count of a user. */
export function badge(user = 'user123', program = 'program456'): string {
  return `/api/user/unviewed-count?${String(new URLSearchParams({ external_user_id: user, external_program_id: program }))}`;
}
