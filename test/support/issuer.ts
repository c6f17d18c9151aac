import { constants, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject, SignKeyObjectInput } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { everyScope } from './gateway.js';

/** How each algorithm signs (RFC 7518), with Node's own crypto: nothing here is from the verifier's library. */
const makers: Record<string, { make: () => { privateKey: KeyObject; publicKey: KeyObject }; hash?: string }> =
  {
    RS256: { make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'sha256' },
    PS256: { make: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), hash: 'sha256' },
    ES256: { make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), hash: 'sha256' },
    ES384: { make: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }), hash: 'sha384' },
    EdDSA: { make: () => generateKeyPairSync('ed25519') },
  };

export const algorithms = Object.keys(makers);

interface SigningKey {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function signingKey(alg = 'ES256', kid = `${alg}-1`): SigningKey {
  return { alg, kid, ...makers[alg]!.make() };
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token signed with a key; `header` may override the header. */
export function tokenBy(key: SigningKey, claims: object, header: object = {}): string {
  const { alg, kid, privateKey } = key;
  const text = `${part({ alg, kid, typ: 'JWT', ...header })}.${part(claims)}`;
  const options: SignKeyObjectInput = { key: privateKey, dsaEncoding: 'ieee-p1363' };
  if (alg.startsWith('PS'))
    Object.assign(options, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
  return `${text}.${sign(makers[alg]!.hash, Buffer.from(text), options).toString('base64url')}`;
}

/** A simulated token issuer: it publishes keys, signs tokens and counts requests. */
export class Issuer {
  readonly audience = 'rewards-gateway';
  /** How often the keys were requested. */
  requests = 0;
  /** Sent instead of the keys, which are then at `/elsewhere`. */
  response: { status: number; body: string } | undefined;
  keys: SigningKey[] = [signingKey()];
  private readonly server = createServer((request, response) => {
    this.requests += 1;
    const keys = this.keys.map(({ alg, kid, publicKey }) => ({
      ...publicKey.export({ format: 'jwk' }),
      alg,
      kid,
      use: 'sig',
    }));
    const override = request.url === '/elsewhere' ? undefined : this.response;
    const { status, body } = override ?? { status: 200, body: JSON.stringify({ keys }) };
    response.writeHead(status, { location: '/elsewhere', connection: 'close' }).end(body);
  });

  static async start(): Promise<Issuer> {
    const issuer = new Issuer();
    issuer.server.listen(0, '127.0.0.1');
    await once(issuer.server, 'listening');
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The environment of a gateway that accepts its tokens. */
  get environment(): Record<string, string | undefined> {
    return {
      CALLER_AUTH: 'jwt',
      API_KEYS: undefined,
      CALLER_SCOPES: everyScope('shop'),
      JWT_ISSUER: this.url,
      JWT_AUDIENCE: this.audience,
      JWT_JWKS_URL: `${this.url}/keys`,
    };
  }

  /** Claims that are valid for five minutes. */
  claims(changes: object = {}): object {
    const now = Math.floor(Date.now() / 1000);
    return { iss: this.url, aud: this.audience, sub: 'shop', iat: now, exp: now + 300, ...changes };
  }

  token(changes: object = {}, key = this.keys[0]!): string {
    return tokenBy(key, this.claims(changes));
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}
