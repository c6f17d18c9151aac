import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import type { Attributes, Context } from '@opentelemetry/api';

export const tracer = trace.getTracer('rewards-gateway');

export interface SpanOptions {
  readonly kind?: SpanKind;
  /** Only values of our own; never a user id, a URL or a body. */
  readonly attributes?: Attributes;
  /** The active context if not given. */
  readonly parent?: Context;
}

/** Runs work in a span of the current trace. An error marks the span as failed; only the name of the error is recorded. */
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

/** The headers that pass the trace on (W3C Trace Context). Empty when nothing is traced. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

/** The `traceparent` of the current trace, to continue it later. Null when nothing is traced. */
export function traceParent(): string | null {
  return traceHeaders()['traceparent'] ?? null;
}

/** The context to continue a trace in. */
export function extractContext(traceparent: string | null): Context {
  return propagation.extract(context.active(), traceparent === null ? {} : { traceparent });
}
