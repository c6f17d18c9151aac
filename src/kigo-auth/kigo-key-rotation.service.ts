import { Injectable, Logger } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { SecretFileWatcher } from '../config/secret-file-watcher.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { KigoApiKey } from './kigo-api-key.js';
import { KigoLogin } from './kigo-login.js';
import { KigoTokenService } from './kigo-token.service.js';

/** Retries are rare, because logins with a rejected key could lock the partner out. */
const RETRY_INTERVAL_MS = 60_000;

/** Rotates the API key without a restart. The old key stays in use until a login with the new one has succeeded. */
@Injectable()
export class KigoKeyRotationService implements OnModuleDestroy {
  private readonly logger = new Logger(KigoKeyRotationService.name);
  private pendingKey: string | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    files: SecretFileWatcher,
    private readonly key: KigoApiKey,
    private readonly login: KigoLogin,
    private readonly tokens: KigoTokenService,
  ) {
    files.watch('kigoApiKey', (apiKey) => {
      this.pendingKey = apiKey;
      void this.tryKey(apiKey);
    });
  }

  onModuleDestroy(): void {
    clearTimeout(this.timer);
  }

  private async tryKey(apiKey: string): Promise<void> {
    clearTimeout(this.timer);
    if (apiKey === this.key.current) return;
    try {
      const token = await this.login.logIn(apiKey);
      // The file may have changed again during the login.
      if (this.pendingKey !== apiKey) return;
      this.key.replace(apiKey);
      this.tokens.adopt(token);
      this.logger.log({ msg: 'new Kigo API key is in use' });
    } catch (error) {
      if (this.pendingKey !== apiKey) return;
      const reason = error instanceof UpstreamError ? error.message : 'unknown';
      this.logger.warn({ msg: 'new Kigo API key rejected; keeping the current key', reason });
      this.timer = setTimeout(() => void this.tryKey(apiKey), RETRY_INTERVAL_MS).unref();
    }
  }
}
