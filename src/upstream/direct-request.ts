import { AxiosHeaders } from 'axios';
import type { AxiosAdapter, AxiosInstance, AxiosRequestConfig, InternalAxiosRequestConfig } from 'axios';

/**
 * A `request` for an axios instance whose bodies are strings and whose adapter needs nothing of the defaults but what `defaults` has. It
 * runs the interceptors of the instance as axios does: those of requests from the last one to the first. Axios itself merges and checks
 * thirty options for each call, and copies the headers four times: a seventh of what a moment costs.
 *
 * Not supported, and used nowhere: `baseURL`, `params`, transformations, interceptors with options, and the removal of interceptors.
 */
export function directRequest(
  { interceptors }: AxiosInstance,
  defaults: Pick<InternalAxiosRequestConfig, 'operation' | 'validateStatus'>,
  adapter: AxiosAdapter,
): AxiosInstance['request'] {
  const request = (options: AxiosRequestConfig) => {
    const config = {
      ...defaults,
      ...options,
      method: options.method?.toLowerCase() ?? 'get',
      // A call that is sent again has the headers that interceptors have set.
      headers: AxiosHeaders.from(options.headers as AxiosHeaders | undefined),
    };
    let result: Promise<unknown> = Promise.resolve(config);
    for (const { fulfilled, rejected } of interceptors.request.handlers!.toReversed())
      result = result.then(fulfilled as never, rejected);
    result = result.then(adapter as never);
    for (const { fulfilled, rejected } of interceptors.response.handlers!)
      result = result.then(fulfilled as never, rejected);
    return result;
  };
  return request as AxiosInstance['request'];
}
