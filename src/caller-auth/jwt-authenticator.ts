import { errors, jwtVerify } from 'jose';
import type { CryptoKey, JWTPayload, JWTVerifyGetKey } from 'jose';
import { jwksUnavailable, unauthenticated } from '../problem/problem-catalogue.js';
import type { ProxySettings } from '../config/proxy.js';
import { JwksUnavailableError, RemoteJwks } from './remote-jwks.js';

/** Asymmetric algorithms only: with HS256, anybody who can read a public key could sign. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
const CLOCK_TOLERANCE_SECONDS = 30;

/** Goes into logs and cache keys. The longest of Kubernetes, `system:serviceaccount:<namespace>:<name>`, has 338 characters. */
const SUBJECT_PATTERN = /^[\x21-\x7e]{1,512}$/;

interface JwtOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  readonly proxy: ProxySettings;
}

/** Authenticates callers by tokens of one issuer (RFC 7519), such as projected service account tokens of Kubernetes. */
export class JwtAuthenticator {
  readonly challengeHint = 'Send a token as "Authorization: Bearer <token>".';
  private readonly keys: RemoteJwks;

  constructor(private readonly options: JwtOptions) {
    this.keys = new RemoteJwks(options.jwksUrl, options.proxy);
  }

  /**
   * Returns the `sub` of the token.
   * @throws Problem `unauthenticated`; 503 when the keys of the issuer are unavailable
   */
  async authenticate(token: string): Promise<string> {
    const { sub } = await this.verify(token);
    if (typeof sub !== 'string' || !SUBJECT_PATTERN.test(sub))
      throw unauthenticated('This token has no usable "sub".');
    return sub;
  }

  private async verify(token: string): Promise<JWTPayload> {
    const { issuer, audience } = this.options;
    try {
      // A key set may hold several keys that fit, even the same one twice: each is tried.
      for (let index = 0; ; index += 1) {
        let isLast = true;
        const getKey: JWTVerifyGetKey<CryptoKey> = async (...header) => {
          const keys = await this.keys.findKeys(...header);
          isLast = index + 1 >= keys.length;
          return keys[index]!;
        };
        try {
          const { payload } = await jwtVerify(token, getKey, {
            algorithms: ALGORITHMS,
            issuer,
            audience,
            clockTolerance: CLOCK_TOLERANCE_SECONDS,
            requiredClaims: ['exp'],
          });
          return payload;
        } catch (error) {
          if (isLast || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
        }
      }
    } catch (error) {
      if (error instanceof JwksUnavailableError) throw jwksUnavailable();
      throw unauthenticated(describeJwtError(error));
    }
  }
}

/** May name a claim, since claims are checked after the signature: the caller has a token of the issuer. */
function describeJwtError(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'This token has expired.';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `The "${error.claim}" of this token is not accepted.`;
  return 'This token is not accepted.';
}
