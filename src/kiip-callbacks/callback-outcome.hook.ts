import type { FastifyInstance } from 'fastify';
import type { CallbackCounters, Outcome } from './callback-counters.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The outcome of the callback has been counted. */
    isCallbackCounted?: boolean;
  }
}

const CALLBACKS = /^\/+callbacks(?:[/?]|$)/i;
/** They have no body: nobody sends a callback by them. */
const PROBES = new Set(['HEAD', 'OPTIONS']);

const OUTCOMES: Readonly<Record<number, Outcome>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
};

/** Counts what arrives under `/callbacks` and is rejected before it is read as a callback: it may be one that is lost. */
export function registerCallbackOutcomes(instance: FastifyInstance, counters: CallbackCounters): void {
  instance.addHook('onResponse', (request, { statusCode }, done) => {
    const isRejected = statusCode >= 400 && request.isCallbackCounted !== true;
    if (isRejected && CALLBACKS.test(request.url) && !PROBES.has(request.method))
      counters.countOutcome(OUTCOMES[statusCode] ?? (statusCode < 500 ? 'malformed' : 'failed'));
    done();
  });
}
