import type { FastifyRequest } from 'fastify';
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

/**
 * Counts what arrives under `/callbacks` and is rejected before it is read as a callback: it may be one that is lost. To be called with
 * every request that is over.
 */
export function countRejectedCallback(
  counters: CallbackCounters,
  { method, url, isCallbackCounted }: FastifyRequest,
  status: number,
): void {
  if (status < 400 || isCallbackCounted === true || PROBES.has(method) || !CALLBACKS.test(decode(url)))
    return;
  counters.countOutcome(OUTCOMES[status] ?? (status < 500 ? 'malformed' : 'failed'));
}

/** As a router might read it. */
function decode(url: string): string {
  return url.replaceAll(/%([2-7][\da-f])/gi, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}
