import type { Environment } from '../../src/config/read-config.js';
import { startKiipSandbox } from '@rewards-gateway/sandbox';
import type { KiipSandbox } from '@rewards-gateway/sandbox';
import { startGateway } from './gateway.js';
import type { Gateway } from './gateway.js';

export const kiipAppKey = 'demo-kiip-app-key';

/** Only the required fields, with the values of the vendor's example. */
const requiredFields = {
  app: { version: '4281020' },
  connection: { ip: '54.174.101.1' },
  device: {
    id: '45e3-1d799e20-963a-4ddd-8593-0683b30e7d5b',
    lang: 'en',
    locale: 'en_US',
    manufacturer: 'google',
    model: 'nexus_5',
    os: 'Android 5.0',
    resolution: '1080x1776',
  },
};

export const sessionCall = {
  ...requiredFields,
  events: [{ id: 'session_start', start: '2015-01-28T01:32:22.852Z' }],
};
export const momentCall = { ...requiredFields, moment: { id: 'CgkIraKVsdIBEAIQEA' } };

/** A moment call for a user. */
export const momentOf = (userid: string) => ({ ...momentCall, user: { userid } });

export interface KiipWorld {
  readonly kiip: KiipSandbox;
  readonly gateway: Gateway;
  moment(body?: unknown, key?: string): Promise<Response>;
  session(body?: unknown, key?: string): Promise<Response>;
  close(): Promise<void>;
}

/** Starts a simulated Kiip and a gateway that uses it. It has no database unless `env` sets one. */
export async function startKiipWorld(env: Environment = {}): Promise<KiipWorld> {
  const kiip = await startKiipSandbox();
  const gateway = await startGateway({ KIIP_BASE_URL: kiip.url, KIIP_APP_KEY: kiipAppKey, ...env });
  const post = (path: string, body: unknown, key?: string) =>
    gateway.post(path, body, key === undefined ? {} : { 'idempotency-key': key });
  return {
    kiip,
    gateway,
    moment: (body = momentCall, key) => post('/api/v1/kiip/moments', body, key),
    session: (body = sessionCall, key) => post('/api/v1/kiip/sessions', body, key),
    async close(this: KiipWorld) {
      await gateway.close();
      // A test may have replaced the sandbox.
      await this.kiip.close();
    },
  };
}

/** Returns the status of a response and the name at the end of its problem type. */
export async function problemOf(response: Response): Promise<[number, string]> {
  const { type } = (await response.json()) as { type: string };
  return [response.status, type.replace('urn:rewards-gateway:problem:', '')];
}
