import { errors, jwtVerify } from 'jose';
import type { CryptoKey, JWTPayload, JWTVerifyGetKey, JWTVerifyResult } from 'jose';
import { newLruMap } from '../async/lru-map.js';
import { jwksUnavailable, unauthenticated } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import type { ProxySettings } from '../config/proxy.js';
import { JwksUnavailableError, RemoteJwks } from './remote-jwks.js';

/** Asymmetric algorithms only: with HS256, anybody who can read a public key could sign. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
const CLOCK_TOLERANCE_SECONDS = 30;
/** A stolen token is of use for this long. It is also the default of Kubernetes for projected tokens. */
const MAX_LIFETIME_SECONDS = 3_600;
/** To verify a signature takes longer than most answers. After this time, the keys may also be fetched again. */
const REMEMBERED_MS = 30_000;
const MAX_REMEMBERED = 2_000;
/** Issuers sign more than access tokens, such as logout tokens: `typ` tells them apart (RFC 8725, 3.11). Kubernetes sends none. */
const TYPES = new Set(['jwt', 'at+jwt']);

/** Goes into logs and cache keys. The longest of Kubernetes, `system:serviceaccount:<namespace>:<name>`, has 338 characters. */
const SUBJECT_PATTERN = /^[\x21-\x7e]{1,512}$/;

interface JwtOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  readonly proxy: ProxySettings;
}

interface VerifiedToken {
  readonly sub: string;
  /** The version of the keys before it was verified. */
  readonly keys: number;
  /** By `performance.now()`. */
  readonly until: number;
}

/** Authenticates callers by tokens of one issuer (RFC 7519), such as projected service account tokens of Kubernetes. */
export class JwtAuthenticator {
  readonly challengeHint = 'Send a token as "Authorization: Bearer <token>".';
  private readonly keys: RemoteJwks;
  private readonly verified = newLruMap<VerifiedToken>(MAX_REMEMBERED);

  constructor(private readonly options: JwtOptions) {
    this.keys = new RemoteJwks(options.jwksUrl, options.proxy);
  }

  /**
   * Returns the `sub` of the token.
   * @throws Problem `unauthenticated`; 503 when the keys of the issuer are unavailable
   */
  authenticate(token: string): string | Promise<string> {
    return this.recall(token) ?? this.authenticateAnew(token);
  }

  /** The `sub` of a token that was verified a short time ago. */
  recall(token: string): string | undefined {
    const known = this.verified.get(token);
    return known?.keys === this.keys.version && performance.now() < known.until ? known.sub : undefined;
  }

  private async authenticateAnew(token: string): Promise<string> {
    const keys = this.keys.version;
    const { sub, exp } = await this.verify(token);
    if (typeof sub !== 'string' || !SUBJECT_PATTERN.test(sub))
      throw unauthenticated('This token has no usable "sub".');
    const leftMs = exp! * 1000 - Date.now();
    this.verified.set(token, { sub, keys, until: performance.now() + Math.min(REMEMBERED_MS, leftMs) });
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
          const verified = await jwtVerify(token, getKey, {
            algorithms: ALGORITHMS,
            issuer,
            audience,
            clockTolerance: CLOCK_TOLERANCE_SECONDS,
            requiredClaims: ['exp', 'iat'],
            // Also rejects a token that claims to be from the future, which would last longer than it says.
            maxTokenAge: MAX_LIFETIME_SECONDS,
          });
          return acceptedClaims(verified);
        } catch (error) {
          if (isLast || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
        }
      }
    } catch (error) {
      if (error instanceof Problem) throw error;
      if (error instanceof JwksUnavailableError) throw jwksUnavailable();
      throw unauthenticated(describeJwtError(error));
    }
  }
}

function acceptedClaims({ payload, protectedHeader: { typ } }: JWTVerifyResult): JWTPayload {
  if (typ !== undefined && !TYPES.has(typ.toLowerCase().replace(/^application\//, '')))
    throw unauthenticated('The "typ" of this token is not accepted.');
  if (payload.exp! - payload.iat! > MAX_LIFETIME_SECONDS)
    throw unauthenticated('This token lasts longer than an hour.');
  return payload;
}

/** May name a claim, since claims are checked after the signature: the caller has a token of the issuer. */
function describeJwtError(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'This token has expired.';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `The "${error.claim}" of this token is not accepted.`;
  return 'This token is not accepted.';
}
