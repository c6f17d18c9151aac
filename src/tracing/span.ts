import {
  INVALID_SPAN_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context,
  propagation,
  trace,
} from '@opentelemetry/api';
import type { Attributes, Context, Span } from '@opentelemetry/api';

export const tracer = trace.getTracer('rewards-gateway');

/** The span of what is not traced. */
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
let tracing = false;

/** Tells that spans are exported. Until then, no call of OpenTelemetry's API is made for a request: also those that do nothing take time. */
export function enableSpans(): void {
  tracing = true;
}

export interface SpanOptions {
  readonly kind?: SpanKind;
  /** Only values of our own and hosts of the configuration; never an id, a path or a body. */
  readonly attributes?: Attributes;
  /** What an error says about the span. Without it, that is its name. */
  readonly describeError?: (error: unknown) => Attributes;
  /** The active context if not given. */
  readonly parent?: Context;
}

/** Runs work in a span of the current trace. An error marks the span as failed; its message is not recorded. */
export function withSpan<T>(
  name: string,
  { kind, attributes, describeError = nameOf, parent }: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  if (!tracing) return work(NO_SPAN);
  const parentContext = parent ?? context.active();
  const span = tracer.startSpan(
    name,
    { kind: kind ?? SpanKind.INTERNAL, ...(attributes && { attributes }) },
    parentContext,
  );
  return context.with(trace.setSpan(parentContext, span), async () => {
    try {
      return await work(span);
    } catch (error) {
      span.setAttributes(describeError(error)).setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

function nameOf(error: unknown): Attributes {
  return { 'error.type': error instanceof Error ? error.name : typeof error };
}

/** Whether the running code is part of a trace that is recorded. */
export function isTraced(): boolean {
  return tracing && trace.getActiveSpan()?.isRecording() === true;
}

/** `server.address` and `server.port` of the other side. */
export function serverAttributes(url: string): Attributes {
  const { protocol, hostname, port } = new URL(url);
  return { 'server.address': hostname, 'server.port': Number(port || (protocol === 'https:' ? 443 : 80)) };
}

/** The headers that pass the trace on (W3C Trace Context). Empty when nothing is traced. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  if (!tracing) return headers;
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
