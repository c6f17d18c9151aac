import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import type { Attributes, Context } from '@opentelemetry/api';

export const tracer = trace.getTracer('rewards-gateway');

export interface SpanOptions {
  readonly kind?: SpanKind;
  /** Words and numbers of ours: never an id of a user, a URL or a body. */
  readonly attributes?: Attributes;
  /** What it belongs to; what is under way if not given. */
  readonly parent?: Context;
}

/** Does some work as a span of the trace that is under way. What it throws marks the span as failed, by name alone. */
export function withSpan<T>(
  name: string,
  { kind, attributes, parent }: SpanOptions,
  work: () => Promise<T>,
): Promise<T> {
  const parentContext = parent ?? context.active();
  const span = tracer.startSpan(
    name,
    { kind: kind ?? SpanKind.INTERNAL, ...(attributes && { attributes }) },
    parentContext,
  );
  return context.with(trace.setSpan(parentContext, span), async () => {
    try {
      return await work();
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : '' });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The headers that let somebody else's spans join the trace (W3C Trace Context); none when nothing is traced. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** The trace that is under way, to be taken up later; null when nothing is traced. */
export function traceParent(): string | null {
  return traceHeaders()['traceparent'] ?? null;
}

/** Takes up a trace from its `traceparent`. */
export function extractContext(traceparent: string | null): Context {
  return propagation.extract(context.active(), traceparent === null ? {} : { traceparent });
}
