import { Injectable, Logger } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { networkOf } from '../connections/client-network.js';
import { Config } from '../config/config.js';
import { SecretFileWatcher } from '../config/secret-file-watcher.js';
import { invalidCallbackSignature } from '../problem/problem-catalogue.js';
import { Problem } from '../problem/problem.js';
import { UserReferencesService } from '../user-references/user-references.service.js';
import { CallbackCounters } from './callback-counters.js';
import { detectFormat, readFields, toCallbackMedia } from './parse-callback.js';
import type { FieldValues, KiipCallback } from './parse-callback.js';
import { verifySignature } from './kiip-signature.js';
import { RejectedCallbacksService } from './rejected-callbacks.service.js';
import type { UnverifiedCallback } from './verified-callback.js';

/** Accepts callbacks that are signed with one of the configured secrets. It verifies the body exactly as received. */
@Injectable()
export class KiipSignatureGuard implements CanActivate {
  private readonly logger = new Logger(KiipSignatureGuard.name);
  private secrets: readonly string[];

  constructor(
    private readonly config: Config,
    private readonly rejected: RejectedCallbacksService,
    private readonly counters: CallbackCounters,
    private readonly users: UserReferencesService,
    files: SecretFileWatcher,
  ) {
    this.secrets = config.kiipAppSecrets;
    files.watch('kiipAppSecrets', (secrets) => (this.secrets = secrets));
  }

  /** @throws Problem `validation` for a malformed callback, or `callback-signature`; StorageUnavailableError */
  canActivate(context: ExecutionContext): true | Promise<never> {
    const receivedAt = new Date();
    const request = context.getArgByIndex<FastifyRequest>(0);
    const { kiipLegacySignature } = this.config;
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const media = toCallbackMedia(request.headers['content-type'] ?? '');
    const received = { body, media, receivedAt };
    const fields = readFields(body, media);
    const callback = fields.ok ? detectFormat(fields.values, kiipLegacySignature) : fields;
    if (!callback.ok)
      return this.rejectMalformed(request, received, fields.ok ? fields.values : undefined, callback.detail);
    const match = verifySignature(callback, this.secrets, kiipLegacySignature);
    if (!match) return this.rejectUnverified(request, received, callback);
    this.counters.countVerified(match);
    request.kiipCallback = { callback, match, ...received };
    return true;
  }

  private async rejectMalformed(
    request: FastifyRequest,
    received: UnverifiedCallback,
    values: FieldValues | undefined,
    detail: string,
  ): Promise<never> {
    const source = networkOf(request.ip);
    if (values && this.isLegacy(values))
      await this.rejected.save({ ...received, source, isProtected: () => true });
    else await request.countUnverified?.();
    throw Problem.of('validation', `${detail}.`, { retryable: false });
  }

  private async rejectUnverified(
    request: FastifyRequest,
    received: UnverifiedCallback,
    { kind, fields }: KiipCallback,
  ): Promise<never> {
    const source = networkOf(request.ip);
    const isProtected = () => this.users.isRegistered(fields.user_id);
    await request.countUnverified?.();
    // If the gateway is configured with a wrong secret, this is the only copy of the user's reward.
    await this.rejected.save({ ...received, source, isProtected });
    this.counters.countOutcome('wrong_signature', kind);
    request.isCallbackCounted = true;
    throw invalidCallbackSignature();
  }

  /**
   * Whether a callback is valid under the signature scheme without `name`, which is not enabled. Kiip has used this
   * scheme: once it is enabled, `npm run kiip:reverify` records these callbacks.
   */
  private isLegacy(values: FieldValues): boolean {
    const callback = detectFormat(values, true);
    if (!callback.ok || !verifySignature(callback, this.secrets, true)) return false;
    this.logger.warn({
      msg: 'callback with legacy signature rejected and stored: see KIIP_LEGACY_SIGNATURE',
    });
    return true;
  }
}
