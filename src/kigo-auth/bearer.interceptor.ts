import type { AxiosInstance } from 'axios';
import { UpstreamError } from '../upstream/upstream-error.js';
import { withTimeout } from '../async/time-limit.js';
import type { KigoTokenService } from './kigo-token.service.js';

declare module 'axios' {
  interface AxiosRequestConfig {
    /** The token that the call was sent with. */
    kigoToken?: string;
  }
}

/** Axios interceptor: gives every call the partner token. A call whose deadline passes stops waiting; the login goes on. */
export function installBearer(client: AxiosInstance, tokens: KigoTokenService): void {
  client.interceptors.request.use(async (config) => {
    const token = await withTimeout(
      (config.deadlineAt ?? Infinity) - performance.now(),
      () => tokens.get(),
      () => new UpstreamError('kigo', 'login', 'timeout', 'no token in time'),
    );
    config.kigoToken = token;
    config.headers.set('Authorization', `Bearer ${token}`);
    return config;
  });
}
