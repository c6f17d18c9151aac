import { context, diag, propagation, trace } from '@opentelemetry/api';
import type { Config } from '../config/config.js';

export interface Tracing {
  /** Sends the spans that have not been sent yet. */
  stop(): Promise<void>;
}

/** The time limit for the last export when the process ends. */
const FLUSH_TIMEOUT_MS = 2_000;

/**
 * Exports traces to `OTEL_EXPORTER_OTLP_ENDPOINT` by OTLP over HTTP, for everything in the process that uses OpenTelemetry's API.
 * Without an endpoint nothing is loaded, and that API does nothing.
 */
export async function startTracing({ otelEndpoint }: Config): Promise<Tracing> {
  if (otelEndpoint === undefined) return { stop: () => Promise.resolve() };
  const [{ TracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
  const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks');
  const { W3CTraceContextPropagator } = await import('@opentelemetry/core');
  const exporter = new OTLPTraceExporter({
    url: `${otelEndpoint}/v1/traces`,
    timeoutMillis: FLUSH_TIMEOUT_MS,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'rewards-gateway' }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  // An unavailable collector must not affect requests: spans are dropped, and its errors are not logged.
  diag.disable();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return { stop: () => provider.shutdown().catch(() => undefined) };
}
