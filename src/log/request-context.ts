import { AsyncLocalStorage } from 'node:async_hooks';

interface RequestContext {
  readonly requestId: string;
}

/** Which request the running code works for, for the log alone. */
export const requestContext = new AsyncLocalStorage<RequestContext>();
