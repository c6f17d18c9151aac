import { Injectable, Logger } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Config } from '../config/config.js';
import { SecretFileWatcher } from '../config/secret-file-watcher.js';
import { invalidCallbackSignature } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import { CallbackCounters } from './callback-counters.js';
import { toCallbackMedia, parseCallback } from './parse-callback.js';
import { verifySignature } from './kiip-signature.js';
import { RejectedCallbacksService } from './rejected-callbacks.service.js';

/** Accepts callbacks that are signed with one of the configured secrets. It verifies the body exactly as received. */
@Injectable()
export class KiipSignatureGuard implements CanActivate {
  private readonly logger = new Logger(KiipSignatureGuard.name);
  private secrets: readonly string[];

  constructor(
    private readonly config: Config,
    private readonly rejected: RejectedCallbacksService,
    private readonly counters: CallbackCounters,
    files: SecretFileWatcher,
  ) {
    this.secrets = config.kiipAppSecrets;
    files.watch('kiipAppSecrets', (secrets) => (this.secrets = secrets));
  }

  /** @throws Problem `validation` for a malformed callback, or `callback-signature`; StorageUnavailableError */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const receivedAt = new Date();
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { kiipLegacySignature } = this.config;
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const contentType = request.headers['content-type'] ?? '';
    const callback = parseCallback(body, toCallbackMedia(contentType), kiipLegacySignature);
    if (!callback.ok) {
      this.counters.countOutcome('malformed');
      request.isCallbackCounted = true;
      if (this.isLegacy(body, contentType)) await this.rejected.save({ body, contentType, receivedAt });
      throw Problem.of('validation', `${callback.detail}.`, { retryable: false });
    }
    const match = verifySignature(callback, this.secrets, kiipLegacySignature);
    if (!match) {
      this.counters.countOutcome('wrong_signature', callback.kind);
      request.isCallbackCounted = true;
      // If the gateway is configured with a wrong secret, this is the only copy of the user's reward.
      await this.rejected.save({ body, contentType, receivedAt });
      throw invalidCallbackSignature();
    }
    this.counters.countVerified(match);
    request.kiipCallback = { callback, match, receivedAt };
    return true;
  }

  /**
   * Whether a callback is valid under the signature scheme without `name`, which is not enabled. Kiip has used this
   * scheme: once it is enabled, `npm run kiip:reverify` records these callbacks.
   */
  private isLegacy(body: Buffer, contentType: string): boolean {
    const callback = parseCallback(body, toCallbackMedia(contentType), true);
    if (!callback.ok || !verifySignature(callback, this.secrets, true)) return false;
    this.logger.warn({
      msg: 'callback with legacy signature rejected and stored: see KIIP_LEGACY_SIGNATURE',
    });
    return true;
  }
}
