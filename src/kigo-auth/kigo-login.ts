import { Injectable } from '@nestjs/common';
import { IsNotEmpty, IsString, Matches } from 'class-validator';
import { Config } from '../config/config.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { UpstreamHttp } from '../upstream/upstream-http.js';
import { KigoApiKey } from './kigo-api-key.js';
import { createToken } from './kigo-token.js';
import type { KigoToken } from './kigo-token.js';

/** The HTTP client for logins only. It sends no token, and other calls cannot fill its bulkhead. */
export class KigoLoginHttp extends UpstreamHttp {}

class KigoSessionResponse {
  @IsString()
  @IsNotEmpty()
  // The token is sent in a header.
  @Matches(/^[\x21-\x7e]+$/)
  readonly token!: string;
}

/** Creates a partner token: `POST /api/v1/auth/sessions` (docs/vendors/kigo.md, section 2). */
@Injectable()
export class KigoLogin {
  constructor(
    private readonly http: KigoLoginHttp,
    private readonly config: Config,
    private readonly key: KigoApiKey,
  ) {}

  /** @throws UpstreamError; `credentials_rejected` for status 401 and 403 */
  async logIn(apiKey = this.key.current): Promise<KigoToken> {
    const { kigoPartnerId, kigoTokenTtlSeconds } = this.config;
    const sentAt = performance.now();
    try {
      const response = await this.http.postJson(
        '/api/v1/auth/sessions',
        { partner_id: kigoPartnerId, api_key: apiKey },
        { operation: 'login', repeatable: true },
      );
      const { token } = this.http.parse(KigoSessionResponse, response);
      return createToken(token, sentAt, kigoTokenTtlSeconds * 1000);
    } catch (error) {
      if (!(error instanceof UpstreamError) || (error.status !== 401 && error.status !== 403)) throw error;
      throw new UpstreamError('kigo', 'login', 'credentials_rejected', 'our credentials were rejected', {
        status: error.status,
      });
    }
  }
}
