import type { AxiosInstance } from 'axios';
import type { AxiosInterceptor } from './axios-interceptor.js';

/** Sets when all attempts of a call end. A call that is sent again keeps its deadline. */
export class DeadlineInterceptor implements AxiosInterceptor {
  constructor(private readonly deadlineMs: number) {}

  install(client: AxiosInstance): void {
    client.interceptors.request.use((config) => {
      config.deadlineAt ??= performance.now() + this.deadlineMs;
      return config;
    });
  }
}
