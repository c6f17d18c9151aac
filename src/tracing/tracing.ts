import { context, diag, propagation, trace } from '@opentelemetry/api';
import type { Config } from '../config/config.js';

export interface Tracing {
  /** Sends what has not been sent yet. */
  stop(): Promise<void>;
}

/** What is still to be sent when the process ends may take so long. */
const FLUSH_TIMEOUT_MS = 2_000;

/**
 * Sends traces to `OTEL_EXPORTER_OTLP_ENDPOINT` by OTLP over HTTP. It is the process's: everything that speaks OpenTelemetry's
 * API takes part. Without an endpoint nothing is loaded, and that API does nothing.
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
  // A collector that is away is no trouble of ours: spans are dropped, requests are not.
  diag.disable();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return { stop: () => provider.shutdown().catch(() => undefined) };
}
