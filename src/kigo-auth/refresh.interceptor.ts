import { isAxiosError } from 'axios';
import type { AxiosInstance } from 'axios';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { KigoTokenService } from './kigo-token.service.js';

declare module 'axios' {
  interface AxiosRequestConfig {
    /** The call was refused with one token already. */
    replayed?: boolean;
  }
}

/** Axios interceptor: a call that Kigo answers with 401 is sent once more, with a token of a later generation. */
export function installRefresh(client: AxiosInstance, tokens: KigoTokenService): void {
  client.interceptors.response.use(undefined, async (error: unknown) => {
    if (!isAxiosError(error) || !error.config || !(error.cause instanceof UpstreamError)) throw error;
    const { config, cause } = error;
    if (cause.status !== 401) throw error;
    if (config.replayed) tokens.refusedAgain();
    else if (tokens.discard(config.kigoToken ?? '')) return client.request({ ...config, replayed: true });
    throw new UpstreamError(
      'kigo',
      cause.operation,
      'credentials-refused',
      'a new token is refused as well',
      { status: 401 },
    );
  });
}
