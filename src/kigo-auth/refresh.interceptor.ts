import { isAxiosError } from 'axios';
import type { AxiosInstance } from 'axios';
import { UpstreamError } from '../upstream/upstream-error.js';
import type { KigoTokenService } from './kigo-token.service.js';

declare module 'axios' {
  interface AxiosRequestConfig {
    /** With so many tokens the call was refused. */
    refusals?: number;
  }
}

/** Another replica's token may have ended as ours has: only one that was had since says something about our credentials. */
const mostRefusals = 3;

/** Axios interceptor: a call that Kigo answers with 401 is sent once more, with a token of a later generation. */
export function installRefresh(client: AxiosInstance, tokens: KigoTokenService): void {
  client.interceptors.response.use(undefined, async (error: unknown) => {
    if (!isAxiosError(error) || !error.config || !(error.cause instanceof UpstreamError)) throw error;
    const { config, cause } = error;
    if (cause.status !== 401) throw error;
    const { kigoToken = '', refusals = 0 } = config;
    const final = refusals > 0 && (tokens.wasIssuedHere(kigoToken) || refusals + 1 >= mostRefusals);
    if (final) tokens.blockRenewals();
    else if (tokens.invalidate(kigoToken)) return client.request({ ...config, refusals: refusals + 1 });
    throw new UpstreamError(
      'kigo',
      cause.operation,
      'credentials_rejected',
      'a new token is refused as well',
      { status: 401 },
    );
  });
}
