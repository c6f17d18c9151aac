import type { KiipCallback } from './parse-callback.js';
import type { SignatureMatch } from './kiip-signature.js';

/** A callback whose signature one of our secrets made. */
export interface VerifiedCallback {
  readonly callback: KiipCallback;
  readonly match: SignatureMatch;
  readonly receivedAt: Date;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by KiipSignatureGuard. */
    kiipCallback?: VerifiedCallback;
  }
}
