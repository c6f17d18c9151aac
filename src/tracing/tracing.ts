import { randomUUID } from 'node:crypto';
import { context, diag, propagation, trace } from '@opentelemetry/api';
import type { Sampler } from '@opentelemetry/sdk-trace';
import type { Config } from '../config/config.js';
import { proxyFor } from '../config/proxy.js';
import { VERSION } from '../config/version.js';
import { enableSpans } from './span.js';

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
export async function startTracing(config: Config): Promise<Tracing> {
  const { otelEndpoint, otelServiceName, otelResourceAttributes, otelSdkDisabled, noProxy } = config;
  if (otelEndpoint === undefined || otelSdkDisabled) return { stop: () => Promise.resolve() };
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks');
  const { W3CTraceContextPropagator } = await import('@opentelemetry/core');
  const proxy = proxyFor(otelEndpoint, config);
  const exporter = new OTLPTraceExporter({
    url: `${otelEndpoint}/v1/traces`,
    timeoutMillis: FLUSH_TIMEOUT_MS,
    ...(proxy !== undefined && {
      httpAgentOptions: {
        keepAlive: true,
        proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: noProxy },
      },
    }),
  });
  const serviceName = otelServiceName ?? otelResourceAttributes?.['service.name'] ?? 'rewards-gateway';
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      'service.version': VERSION,
      'service.instance.id': randomUUID(),
      ...otelResourceAttributes,
      'service.name': serviceName,
    }),
    sampler: createSampler(config, sdk),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter })],
  });
  // An unavailable collector must not affect requests: spans are dropped, and its errors are not logged.
  diag.disable();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  enableSpans();
  return { stop: () => provider.shutdown().catch(() => undefined) };
}

type Sdk = typeof import('@opentelemetry/sdk-trace');

/** The samplers that OTEL_TRACES_SAMPLER names. Without an argument, all traces are sampled. */
function createSampler({ otelTracesSampler, otelTracesSamplerArg = 1 }: Config, sdk: Sdk): Sampler {
  const name = otelTracesSampler.replace('parentbased_', '');
  const root = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(otelTracesSamplerArg),
  }[name as 'always_on' | 'always_off' | 'traceidratio']();
  return name === otelTracesSampler ? root : new sdk.ParentBasedSampler({ root });
}
