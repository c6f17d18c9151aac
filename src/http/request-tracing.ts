import {
  SpanKind,
  SpanStatusCode,
  context,
  isSpanContextValid,
  propagation,
  trace,
} from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { tracer } from '../tracing/span.js';
import { CLIENT_CLOSED_REQUEST, onClientAbort } from './client-abort.js';
import { routeOf } from './method-not-allowed.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The ids of the span of the request, as the log has them. Undefined when nothing is traced. */
    traceIds?: { readonly trace_id: string; readonly span_id: string };
  }
}

const spans = new WeakMap<FastifyRequest, Span>();

/**
 * Records one span per request that is not rejected before: in the trace of an authenticated caller (`traceparent`), otherwise in
 * a new one with a link, since a trace id is stored with entries and goes to consumers. Probes and metrics are not traced.
 */
export function registerRequestTracing(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    const { method, id, protocol } = request;
    const { url: route = 'unknown', config } = routeOf(request);
    if (config.kind === 'operational' || config.kind === 'documentation') return done();
    const sent = propagation.extract(context.active(), request.headers);
    const isStranger = request.caller === undefined;
    const parentContext = isStranger ? context.active() : sent;
    const stranger = isStranger ? trace.getSpanContext(sent) : undefined;
    const links = stranger ? [{ context: stranger }] : [];
    const attributes = {
      'http.request.method': method,
      'http.route': route,
      'url.scheme': protocol,
      'request.id': id,
    };
    const span = tracer.startSpan(
      `${method} ${route}`,
      { kind: SpanKind.SERVER, attributes, links },
      parentContext,
    );
    spans.set(request, span);
    const spanContext = span.spanContext();
    if (isSpanContextValid(spanContext))
      request.traceIds = { trace_id: spanContext.traceId, span_id: spanContext.spanId };
    onClientAbort(reply, () => endSpan(request, CLIENT_CLOSED_REQUEST));
    context.with(trace.setSpan(parentContext, span), done);
  });
  instance.addHook('onResponse', (request, { statusCode }, done) => {
    endSpan(request, statusCode);
    done();
  });
}

function endSpan(request: FastifyRequest, status: number): void {
  const span = spans.get(request);
  span?.setAttribute('http.response.status_code', status);
  if (status >= 500)
    span?.setAttribute('error.type', String(status)).setStatus({ code: SpanStatusCode.ERROR });
  span?.end();
}
