import { Injectable } from '@nestjs/common';
import { isAxiosError } from 'axios';
import type { AxiosInstance } from 'axios';
import type { AxiosInterceptor } from '../upstream/axios-interceptor.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { KigoTokenService } from './kigo-token.service.js';

declare module 'axios' {
  interface AxiosRequestConfig {
    /** How often the call has been sent again with another token. */
    authRetries?: number;
  }
}

/** More than one, because a token from another replica may have expired as ours did. Only a newly issued one tests our credentials. */
const MAX_AUTH_RETRIES = 2;

/** Sends a call that Kigo answered with 401 again, with a newer token. This is no retry: it is in no budget. */
@Injectable()
export class RefreshInterceptor implements AxiosInterceptor {
  constructor(private readonly tokens: KigoTokenService) {}

  install(client: AxiosInstance): void {
    client.interceptors.response.use(undefined, async (error: unknown) => {
      if (!isAxiosError(error) || !error.config || !(error.cause instanceof UpstreamError)) throw error;
      const { config, cause } = error;
      if (cause.status !== 401) throw error;
      const { kigoToken = '', authRetries = 0 } = config;
      const final =
        authRetries > 0 && (this.tokens.wasIssuedHere(kigoToken) || authRetries >= MAX_AUTH_RETRIES);
      if (final) this.tokens.blockRenewals();
      else if (this.tokens.invalidate(kigoToken))
        return client.request({ ...config, authRetries: authRetries + 1, isRetry: false });
      const detail = 'a new token is rejected as well';
      throw new UpstreamError('kigo', cause.operation, 'credentials_rejected', detail, { status: 401 });
    });
  }
}
