import type { AxiosInstance } from 'axios';
import type { AxiosInterceptor } from './axios-interceptor.js';
import type { BreakerRegistry } from './breaker-registry.js';
import { findUpstreamCause, UpstreamError } from './upstream-error.js';
import type { Upstream } from './upstream-error.js';

/** Records how a call ended, after its last attempt, and throws the UpstreamError itself instead of the AxiosError that carries it. */
export class OutcomeInterceptor implements AxiosInterceptor {
  constructor(
    private readonly breakers: BreakerRegistry,
    private readonly upstream: Upstream,
  ) {}

  install(client: AxiosInstance): void {
    client.interceptors.response.use(
      (response) => {
        // The outcome of a 2xx is known only when its body has been parsed.
        if (response.status >= 300)
          this.breakers.for(this.upstream, response.config.operation).recordSuccess();
        return response;
      },
      (error: unknown) => {
        const cause = findUpstreamCause(error) ?? error;
        if (cause instanceof UpstreamError)
          this.breakers.for(cause.upstream, cause.operation).recordFailure(cause);
        throw cause;
      },
    );
  }
}
