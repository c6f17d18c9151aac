import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import type { Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CLIENT_CLOSED_REQUEST, onClientAbort } from './client-abort.js';
import { tracer } from '../tracing/span.js';

const spans = new WeakMap<FastifyRequest, Span>();

/** One span for each request, in the caller's trace if it brings one (`traceparent`). Probes and metrics are none of it. */
export function registerRequestTracing(instance: FastifyInstance): void {
  instance.addHook('onRequest', (request, reply, done) => {
    const { method, routeOptions, id } = request;
    const route = routeOptions.url ?? 'unknown';
    if (/^\/(health|metrics)/.test(route)) return done();
    const within = propagation.extract(context.active(), request.headers);
    const attributes = { 'http.request.method': method, 'http.route': route, 'request.id': id };
    const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, within);
    spans.set(request, span);
    onClientAbort(reply, () => end(request, CLIENT_CLOSED_REQUEST));
    context.with(trace.setSpan(within, span), done);
  });
  instance.addHook('onResponse', (request, { statusCode }, done) => {
    end(request, statusCode);
    done();
  });
}

function end(request: FastifyRequest, status: number): void {
  const span = spans.get(request);
  span?.setAttribute('http.response.status_code', status);
  if (status >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
  span?.end();
}
