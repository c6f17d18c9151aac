import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import { UserReferencesService } from '../../src/user-references/user-references.service.js';
import type { Environment } from '../../src/config/read-config.js';
import { startGateway } from './gateway.js';
import type { Gateway } from './gateway.js';
import { newDatabase } from './databases.js';

/** Signs as Kiip does: the test's own signer, not the product's. */
export function sign(texts: readonly string[], secret = 'test_app_secret_0001'): string {
  return createHash('sha1')
    .update(texts.join('') + secret)
    .digest('hex');
}

/** The defaults that `baseEnvironment` replaces. */
export const DEFAULTS = {
  KIIP_UNKNOWN_REWARDS: '',
  KIIP_UNKNOWN_USERS: '',
  KIIP_USER_REFERENCE: '',
} satisfies Environment;

export type Fields = Record<string, string | number>;

/** A content that overlapping ids make: the signed text can be split in more ways than the gateway checks. */
export const manyReadings = `${'a1'.repeat(100)}${'12345678-1234-1234-1234-1234'.repeat(14)}12345678ab`;
export const content = '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab';

export function transaction(): string {
  const hex = createHash('sha1').update(String(Math.random())).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** A redemption, signed; `signature` may be given to override. */
export function redemption(fields: Fields = {}, secret?: string): Fields {
  const all: Fields = {
    content,
    name: 'Coins',
    quantity: 20,
    user_id: 'user-123',
    transaction_id: transaction(),
    ...fields,
  };
  const signed = ['content', 'name', 'quantity', 'user_id', 'transaction_id'].map((name) =>
    String(all[name]),
  );
  return { ...all, signature: fields['signature'] ?? sign(signed, secret) };
}

export function issuance(fields: Fields = {}, secret?: string): Fields {
  const all: Fields = {
    content,
    quantity: 20,
    user_id: 'user-123',
    transaction_id: transaction(),
    nonce: 'n-0001',
    origin: 'survey',
    ...fields,
  };
  const signed = ['content', 'quantity', 'user_id', 'transaction_id', 'nonce', 'origin'].map((name) =>
    String(all[name]),
  );
  return { ...all, signature: fields['signature'] ?? sign(signed, secret) };
}

export interface JsonResponse {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

export interface KiipGateway extends Gateway {
  /** Sends a callback as JSON. */
  callback(fields: unknown, path?: string): Promise<JsonResponse>;
  /** Sends a callback as a form. */
  form(fields: Fields, path?: string): Promise<JsonResponse>;
  /** Sends any body. */
  raw(body: string | Uint8Array<ArrayBuffer>, contentType: string, path?: string): Promise<JsonResponse>;
  /** GETs JSON with a credential. */
  read(path: string): Promise<Record<string, never> & { items: Record<string, unknown>[]; next: string }>;
  /** Notes a user as sent to Kiip. */
  know(...users: string[]): Promise<void>;
}

/** A gateway on a database of its own, or on the database that the environment names. */
export async function startKiipGateway(env: Environment = {}): Promise<KiipGateway> {
  const database = env['DATABASE_URL'] === undefined ? await newDatabase() : undefined;
  const gateway = await startGateway({ ...database?.env, ...env });
  const raw = async (
    body: string | Uint8Array<ArrayBuffer>,
    contentType: string,
    path = '',
  ): Promise<JsonResponse> => {
    const response = await fetch(`${gateway.urls.callbacks ?? gateway.url}/callbacks/kiip${path}`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    });
    return {
      status: response.status,
      body: (await response.json()) as JsonResponse['body'],
      headers: response.headers,
    };
  };
  return {
    ...gateway,
    raw,
    callback: (fields, path) => raw(JSON.stringify(fields), 'application/json', path),
    form: (fields, path) => raw(formOf(fields), 'application/x-www-form-urlencoded', path),
    read: async (path) => (await (await gateway.get(`/api/v1/kiip${path}`)).json()) as never,
    know: async (...users) => {
      const known = gateway.app.get(UserReferencesService, { strict: false });
      await Promise.all(users.map((user) => known.register(user)));
    },
    close: async () => {
      await gateway.close();
      await database?.drop();
    },
  };
}

/** Begins a transaction that has stored an entry with this signature: others wait for its end. */
export async function lockSignature(client: Client, signature: string): Promise<void> {
  await client.query('begin');
  await client.query(
    `insert into ledger (id, kind, status, is_test, transaction_id, content, quantity, quantity_text, user_id, received_at,
       signature, signed_text, signed_text_hash, fields_hash, transaction_hash, signature_scheme, secret_index)
     values ('iss_blocker', 'redemption', 'recorded', false, '', '', 1, '1', '', now(), $1, '', '', '', '', '', 1)`,
    [signature],
  );
}

export function formOf(fields: Fields): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  return String(form);
}
