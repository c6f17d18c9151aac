import type { AxiosInstance } from 'axios';

/** An interceptor of outgoing calls, as a provider. Not to be confused with Nest's interceptors, which work on incoming requests. */
export interface AxiosInterceptor {
  install(client: AxiosInstance): void;
}
