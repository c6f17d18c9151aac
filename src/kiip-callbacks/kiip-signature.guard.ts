import { Injectable, Logger } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Config } from '../config/config.js';
import { SecretFileWatcher } from '../config/secret-file-watcher.js';
import { invalidCallbackSignature } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import { CallbackCounters } from './callback-counters.js';
import { toCallbackMedia, parseCallback } from './parse-callback.js';
import { toSecretId, verifySignature } from './kiip-signature.js';
import { RejectedCallbacksService } from './rejected-callbacks.service.js';
import type { VerifiedCallback } from './verified-callback.js';

/** Lets callbacks in whose text, as it arrived, bears a signature by one of our secrets. Nothing else has read it before. */
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

  /** @throws Problem `validation` for what is no callback, `callback-signature`; StorageUnavailable */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const receivedAt = new Date();
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { kiipLegacySignature } = this.config;
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const contentType = request.headers['content-type'] ?? '';
    const callback = parseCallback(body, toCallbackMedia(contentType), kiipLegacySignature);
    if (!callback.ok) {
      this.counters.count('malformed');
      if (this.isLegacy(body, contentType)) await this.rejected.save({ body, contentType, receivedAt });
      throw Problem.of('validation', `${callback.detail}.`, { retryable: false });
    }
    const match = verifySignature(callback, this.secrets, kiipLegacySignature);
    if (!match) {
      this.counters.count('wrong_signature', callback.kind);
      // If the mistake is ours, a wrong secret, this is all that is left of what a user has earned.
      await this.rejected.save({ body, contentType, receivedAt });
      throw invalidCallbackSignature();
    }
    this.counters.count('verified', match.scheme, toSecretId(match));
    const verified: VerifiedCallback = { callback, match, receivedAt };
    request.kiipCallback = verified;
    return true;
  }

  /**
   * Whether a callback makes sense under the formula without `name`, which is not switched on, and bears our signature. Kiip has
   * used it: what a user has earned can be had with `npm run kiip:reverify` once it is.
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
