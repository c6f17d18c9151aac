import type { AxiosInstance, InternalAxiosRequestConfig } from 'axios';
import type { AxiosInterceptor } from './axios-interceptor.js';

/** Sets when all attempts of a call end. A call that is sent again keeps its deadline. */
export class DeadlineInterceptor implements AxiosInterceptor {
  constructor(private readonly deadlineMs: number) {}

  install(client: AxiosInstance): void {
    const setDeadline = (config: InternalAxiosRequestConfig) => {
      config.deadlineAt ??= performance.now() + this.deadlineMs;
      return config;
    };
    // Where it is the only request interceptor, axios then makes no chain of promises of them.
    client.interceptors.request.use(setDeadline, undefined, { synchronous: true });
  }
}
