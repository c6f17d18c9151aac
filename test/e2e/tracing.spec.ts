import { startKigoSandbox } from '@rewards-gateway/sandbox';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { consumersConfig } from '../support/consumer.js';
import { badge, credentials } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import { redemption } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: { key: string; value: object }[];
}

interface Export {
  readonly resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
}

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const callerSpan = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${callerSpan}-01`;

function receivedSpans({ received }: CallbackReceiver): Span[] {
  return received.flatMap(({ body }) =>
    (JSON.parse(body) as Export).resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans),
    ),
  );
}

const callback = (url: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/callbacks/kiip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(redemption({ user_id: 'canary-user' })),
  });

describe('traces', () => {
  let collector: CallbackReceiver;
  let wallet: CallbackReceiver;
  let database: TestDatabase;

  beforeEach(async () => {
    collector = await startCallbackReceiver();
    wallet = await startCallbackReceiver();
    database = await newDatabase();
  });
  afterEach(async () => {
    await collector.close();
    await wallet.close();
    await database.drop();
  });

  const start = (env: Record<string, string> = {}) =>
    startProcess({
      ...database.env,
      DELIVERY_CONSUMERS: consumersConfig(wallet.url),
      SHUTDOWN_GRACE_SECONDS: '4',
      ...env,
    });

  it('follow a callback through the ledger to its delivery, in the trace of its sender', async () => {
    await using gateway = start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    expect((await callback(await gateway.url(), { traceparent })).status).toBe(200);
    await waitFor('it is delivered', () => wallet.received.length === 1);
    gateway.signal('SIGTERM');
    await gateway.ended;

    expect(new Set(collector.received.map(({ path }) => path))).toEqual(new Set(['/v1/traces']));
    const spans = receivedSpans(collector).filter((span) => span.traceId === traceId);
    const named = (name: string) => spans.find((span) => span.name === name)!;
    expect(spans.map(({ name }) => name).toSorted()).toEqual([
      'POST /callbacks/kiip',
      'deliver wallet',
      'ledger record',
    ]);
    expect(named('POST /callbacks/kiip').parentSpanId).toBe(callerSpan);
    expect(named('ledger record').parentSpanId).toBe(named('POST /callbacks/kiip').spanId);
    expect(named('deliver wallet').parentSpanId).toBe(named('ledger record').spanId);
    expect(wallet.received[0]!.headers['traceparent']).toBe(
      `00-${traceId}-${named('deliver wallet').spanId}-01`,
    );
    // The spans contain no data of the callback.
    const exported = JSON.stringify(collector.received);
    for (const canary of ['canary-user', 'demo-partner', 'test_app_secret', 'whsec_', wallet.url])
      expect(exported).not.toContain(canary);
  });

  it('continue at Kigo', async () => {
    const kigo = await startKigoSandbox();
    try {
      kigo.setAccount({ external_user_id: 'user123', external_program_id: 'program456' });
      await using gateway = start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, KIGO_BASE_URL: kigo.url });
      const url = await gateway.url();
      expect((await fetch(url + badge(), { headers: { ...credentials, traceparent } })).status).toBe(200);
      gateway.signal('SIGTERM');
      await gateway.ended;
      const lookup = receivedSpans(collector).find(({ name }) => name === 'kigo lookup')!;
      expect(lookup.traceId).toBe(traceId);
      const [seen] = kigo.requests('lookup');
      expect(seen!.headers['traceparent']).toBe(`00-${traceId}-${lookup.spanId}-01`);
    } finally {
      await kigo.close();
    }
  });

  it('include a request whose client disconnected', async () => {
    const kigo = await startKigoSandbox();
    try {
      kigo.setAccount({ external_user_id: 'user123', external_program_id: 'program456' });
      kigo.addFault({ kind: 'hang', route: 'lookup' });
      await using gateway = start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, KIGO_BASE_URL: kigo.url });
      const abort = new AbortController();
      const call = fetch((await gateway.url()) + badge(), {
        headers: { ...credentials, traceparent },
        signal: abort.signal,
      });
      await waitFor('Kigo has the call', () => kigo.requests('lookup').length === 1);
      abort.abort();
      await expect(call).rejects.toMatchObject({ name: 'AbortError' });
      const { status } = await gateway.logged('request');
      expect(status).toBe(499);
      gateway.signal('SIGTERM');
      await gateway.ended;
      const [span, ...others] = receivedSpans(collector).filter(
        ({ parentSpanId }) => parentSpanId === callerSpan,
      );
      expect([span?.name, others]).toEqual(['GET /api/user/unviewed-count', []]);
      expect(span!.attributes).toContainEqual({
        key: 'http.response.status_code',
        value: { intValue: 499 },
      });
    } finally {
      await kigo.close();
    }
  });

  it('are not created without an OTLP endpoint', async () => {
    await using gateway = start();
    expect((await callback(await gateway.url(), { traceparent })).status).toBe(200);
    await waitFor('it is delivered', () => wallet.received.length === 1);
    expect(wallet.received[0]!.headers['traceparent']).toBeUndefined();
  });

  it('delay nothing while the collector is unavailable', async () => {
    await using gateway = start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    expect((await callback(await gateway.url())).status).toBe(200);
    await waitFor('it is delivered', () => wallet.received.length === 1);
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(gateway.errors()).toBe('');
  });
});
