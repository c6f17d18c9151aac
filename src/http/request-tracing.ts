import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { tracer } from '../tracing/span.js';
import { CLIENT_CLOSED_REQUEST, onClientAbort } from './client-abort.js';
import { routeOf } from './method-not-allowed.js';

const spans = new WeakMap<FastifyRequest, Span>();

/** Records one span per request, in the caller's trace if there is one (`traceparent`). Probes and metrics are not traced. */
export function registerRequestTracing(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    const { method, id } = request;
    const { url: route = 'unknown', config } = routeOf(request);
    if (config.kind === 'operational') return done();
    const parentContext = propagation.extract(context.active(), request.headers);
    const attributes = { 'http.request.method': method, 'http.route': route, 'request.id': id };
    const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parentContext);
    spans.set(request, span);
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
  if (status >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
  span?.end();
}
