import { Injectable } from '@nestjs/common';
import type { AxiosInstance } from 'axios';
import { withTimeout } from '../async/time-limit.js';
import type { AxiosInterceptor } from '../upstream/axios-interceptor.js';
import { UpstreamError } from '../upstream/upstream-error.js';
import { KigoTokenService } from './kigo-token.service.js';

declare module 'axios' {
  interface AxiosRequestConfig {
    /** The token that the call was sent with. */
    kigoToken?: string;
  }
}

/** Adds the partner token to every call. A call whose deadline passes stops waiting for one; the login goes on. */
@Injectable()
export class BearerInterceptor implements AxiosInterceptor {
  constructor(private readonly tokens: KigoTokenService) {}

  install(client: AxiosInstance): void {
    client.interceptors.request.use(async (config) => {
      const token = await withTimeout(
        (config.deadlineAt ?? Infinity) - performance.now(),
        () => this.tokens.get(),
        () => new UpstreamError('kigo', 'login', 'timeout', 'no token in time'),
      );
      config.kigoToken = token;
      config.headers.set('Authorization', `Bearer ${token}`);
      return config;
    });
  }
}
