import { AsyncLocalStorage } from 'node:async_hooks';

interface RequestContext {
  readonly requestId: string;
}

/** The request that the running code serves, for the log only. */
export const requestContext = new AsyncLocalStorage<RequestContext>();
