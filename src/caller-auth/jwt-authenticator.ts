import { errors, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import { Problem } from '../problem/problem.js';
import { RemoteJwks, JwksUnavailableError } from './remote-jwks.js';

/** All asymmetric: with HS256, whoever can read a public key could sign. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
const CLOCK_TOLERANCE_SECONDS = 30;

/** Kubernetes' longest, `system:serviceaccount:<namespace>:<name>`, has 338 characters. It goes into logs and keys. */
const SUBJECT_PATTERN = /^[\x21-\x7e]{1,512}$/;

export interface JwtOptions {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
}

/** Knows callers by tokens of one issuer (RFC 7519), such as Kubernetes' projected service account tokens. */
export class JwtAuthenticator {
  readonly challengeHint = 'Send a token as "Authorization: Bearer <token>".';
  private readonly keys: RemoteJwks;

  constructor(private readonly options: JwtOptions) {
    this.keys = new RemoteJwks(options.jwksUrl);
  }

  /**
   * The token's `sub`.
   * @throws Problem `unauthenticated`; 503 when the issuer's keys cannot be had, since then nobody can say
   */
  async authenticate(token: string): Promise<string> {
    const { sub: name } = await this.verify(token);
    if (typeof name !== 'string' || !SUBJECT_PATTERN.test(name))
      throw unauthenticated('This token has no usable "sub".');
    return name;
  }

  private async verify(token: string): Promise<JWTPayload> {
    const { issuer, audience } = this.options;
    try {
      const { payload } = await jwtVerify(token, this.keys.getKey, {
        algorithms: ALGORITHMS,
        issuer,
        audience,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp'],
      });
      return payload;
    } catch (error) {
      if (error instanceof JwksUnavailableError)
        throw Problem.untyped(
          503,
          'Service Unavailable',
          'The keys of the token issuer cannot be fetched. Try again after Retry-After.',
          { retryable: true, retry_after_seconds: 1 },
        );
      throw unauthenticated(describeJwtError(error));
    }
  }
}

/** Claims are looked at after the signature: whoever learns of them holds a token of the issuer. */
function describeJwtError(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'This token has expired.';
  if (error instanceof errors.JWTClaimValidationFailed) return `This token's "${error.claim}" does not fit.`;
  return 'This token is not accepted.';
}

function unauthenticated(detail: string): Problem {
  return Problem.of('unauthenticated', detail);
}
