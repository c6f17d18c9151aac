import type { KiipCallback } from './parse-callback.js';
import type { SignatureMatch } from './kiip-signature.js';

/** A callback with a valid signature. */
export interface VerifiedCallback {
  readonly callback: KiipCallback;
  readonly match: SignatureMatch;
  readonly receivedAt: Date;
}
