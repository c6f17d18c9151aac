import { startKigoSandbox } from '@rewards-gateway/sandbox';
import type { KigoSandbox } from '@rewards-gateway/sandbox';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { consumersConfig } from '../support/consumer.js';
import { badge, credentials } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { redemption } from '../support/kiip.js';
import { waitFor } from '../support/wait-for.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly links?: { readonly traceId: string; readonly spanId: string }[];
  readonly name: string;
  readonly attributes: Attribute[];
}

interface Attribute {
  readonly key: string;
  readonly value: Record<string, string | number>;
}

interface Export {
  readonly resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Span[] }[] }[];
}

const callerSpan = '00f067aa0ba902b7';
/** One trace for each request. */
const TRACES = {
  callback: '4bf92f3577b34da6a3ce929d0e0e4736',
  lookup: '4bf92f3577b34da6a3ce929d0e0e4737',
  disconnected: '4bf92f3577b34da6a3ce929d0e0e4738',
  stranger: '4bf92f3577b34da6a3ce929d0e0e4739',
  ledger: '4bf92f3577b34da6a3ce929d0e0e473a',
};
const traceparentOf = (traceId: string) => `00-${traceId}-${callerSpan}-01`;

function receivedSpans({ received }: CallbackReceiver): Span[] {
  return received.flatMap(({ body }) =>
    (JSON.parse(body) as Export).resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) => spans),
    ),
  );
}

/** Attributes by key. */
function toRecord(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

const describeStatement = (summary: string, operation: string) => ({
  'db.system.name': 'postgresql',
  'db.operation.name': operation,
  'db.query.summary': summary,
});

const callback = (url: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/callbacks/kiip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(redemption({ user_id: 'canary-user' })),
  });

describe('traces', () => {
  let collector: CallbackReceiver;
  let wallet: CallbackReceiver;
  let kigo: KigoSandbox;
  let database: TestDatabase;

  beforeAll(async () => {
    collector = await startCallbackReceiver();
    wallet = await startCallbackReceiver();
    kigo = await startKigoSandbox();
    database = await newDatabase();
  });
  afterAll(async () => {
    await Promise.all([collector.close(), wallet.close(), kigo.close()]);
    await database.drop();
  });

  const start = (env: Record<string, string> = {}) =>
    startProcess({
      ...database.env,
      KIGO_BASE_URL: kigo.url,
      DELIVERY_CONSUMERS: consumersConfig(wallet.url),
      // Ends the call that Kigo never answers, so that the process need not wait for it.
      KIGO_TIMEOUT_MS: '1000',
      ...env,
    });

  const deliverCallback = async (gateway: GatewayProcess, headers: Record<string, string> = {}) => {
    const url = await gateway.url();
    await gateway.logged('database ready');
    wallet.reset();
    expect((await callback(url, headers)).status).toBe(200);
    await waitFor('it is delivered', () => wallet.received.length === 1);
    return wallet.received[0]!;
  };

  describe('with an OTLP endpoint', () => {
    let spans: Span[];
    let deliveredTraceparent: string | undefined;
    let seenByKigo: unknown[];
    let lookupStatus: number;
    let strangerStatus: number;
    let callOutcome: PromiseSettledResult<Response>;
    let disconnectedStatus: unknown;
    let lines: Record<string, unknown>[];
    let entryId: string;
    let feedStatus: number;

    const spansOf = (traceId: string) => spans.filter((span) => span.traceId === traceId);

    beforeAll(async () => {
      await using gateway = start({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=a%20key',
        OTEL_RESOURCE_ATTRIBUTES: 'k8s.pod.name=pod-1',
        // More than the three attempts of the call that Kigo never answers: the last spans are sent after it.
        SHUTDOWN_GRACE_SECONDS: '10',
      });
      const delivered = await deliverCallback(gateway, { traceparent: traceparentOf(TRACES.callback) });
      deliveredTraceparent = delivered.headers['traceparent'] as string;

      const ask = (user: string, traceId: string, signal?: AbortSignal) =>
        gateway.url().then((url) =>
          fetch(url + badge(user), {
            headers: { ...credentials, traceparent: traceparentOf(traceId) },
            ...(signal && { signal }),
          }),
        );
      entryId = (JSON.parse(delivered.body) as { data: { id: string } }).data.id;

      const feed = `${await gateway.url()}/api/v1/kiip/issuances?user_id=canary-user`;
      const headers = { ...credentials, traceparent: traceparentOf(TRACES.ledger) };
      feedStatus = (await fetch(feed, { headers })).status;

      kigo.addFault({ kind: 'status', status: 500, route: 'lookup', times: 1 });
      lookupStatus = (await ask('user123', TRACES.lookup)).status;
      const stranger = { authorization: 'Bearer wrong', traceparent: traceparentOf(TRACES.stranger) };
      strangerStatus = (await fetch((await gateway.url()) + badge(), { headers: stranger })).status;

      kigo.addFault({ kind: 'hang', route: 'lookup' });
      const abort = new AbortController();
      const call = ask('another', TRACES.disconnected, abort.signal);
      await waitFor('Kigo has the call', () => kigo.requests('lookup').length === 3);
      abort.abort();
      [callOutcome] = await Promise.allSettled([call]);
      const requests = () => gateway.log().filter(({ msg }) => msg === 'request');
      await waitFor('the end of the call is logged', () => requests().length === 5);
      disconnectedStatus = requests()[4]!['status'];
      seenByKigo = kigo.requests('lookup').map(({ headers }) => headers['traceparent']);

      gateway.signal('SIGTERM');
      await gateway.ended;
      spans = receivedSpans(collector);
      lines = gateway.log();
    });

    it('follow a callback through the ledger to its delivery, in a trace of ours with a link to that of its sender', () => {
      expect(new Set(collector.received.map(({ path }) => path))).toEqual(new Set(['/v1/traces']));
      // Anybody can send any trace id, and it would be stored and go to consumers.
      expect(spansOf(TRACES.callback)).toEqual([]);
      const root = spans.find(({ name }) => name === 'POST /callbacks/kiip')!;
      expect(root.links).toEqual([expect.objectContaining({ traceId: TRACES.callback, spanId: callerSpan })]);
      const trace = spansOf(root.traceId);
      const named = (name: string) => trace.find((span) => span.name === name)!;
      expect(trace.map(({ name }) => name).toSorted()).toEqual([
        'POST /callbacks/kiip',
        'deliver wallet',
        'ledger record',
      ]);
      expect(root.parentSpanId ?? '').toBe('');
      expect(named('ledger record').parentSpanId).toBe(named('POST /callbacks/kiip').spanId);
      expect(named('deliver wallet').parentSpanId).toBe(named('ledger record').spanId);
      expect(deliveredTraceparent).toBe(`00-${root.traceId}-${named('deliver wallet').spanId}-01`);
    });

    it('describe calls with the standard attributes', () => {
      const { hostname, port } = new URL(kigo.url);
      const [failed, repeated] = spansOf(TRACES.lookup)
        .filter(({ name }) => name === 'kigo lookup')
        .map(({ attributes }) => toRecord(attributes));
      const common = {
        'http.request.method': 'GET',
        'server.address': hostname,
        'server.port': Number(port),
      };
      expect(failed).toEqual({ ...common, 'http.response.status_code': 500, 'error.type': '500' });
      expect(repeated).toEqual({
        ...common,
        'http.response.status_code': 200,
        'http.request.resend_count': 1,
      });
      const hung = spansOf(TRACES.disconnected).find(({ name }) => name === 'kigo lookup')!;
      expect(toRecord(hung.attributes)).toEqual({ ...common, 'error.type': 'timeout' });
      const delivery = spans.find(({ name }) => name === 'deliver wallet')!;
      expect(toRecord(delivery.attributes)).toEqual({
        'webhook.consumer': 'wallet',
        'http.request.method': 'POST',
        'http.response.status_code': 200,
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(wallet.url).port),
      });
      const request = spans.find(({ name }) => name === 'POST /callbacks/kiip')!;
      expect(toRecord(request.attributes)).toMatchObject({
        'url.scheme': 'http',
        'http.request.method': 'POST',
      });
    });

    it('have a span for each statement of a request, without its values', () => {
      expect(feedStatus).toBe(200);
      const select = spansOf(TRACES.ledger).find(({ name }) => name === 'SELECT ledger')!;
      expect(toRecord(select.attributes)).toEqual(describeStatement('SELECT ledger', 'SELECT'));
      // The statement is for all callbacks that arrive together.
      const record = spans.find(({ name }) => name === 'ledger record')!;
      expect(toRecord(record.attributes)).toEqual(describeStatement('INSERT ledger', 'INSERT'));
    });

    it('go to the collector with its headers, and name the process that they come from', () => {
      const [{ body, headers }] = collector.received as [CallbackReceiver['received'][number]];
      expect(headers['x-collector-key']).toBe('a key');
      const { resourceSpans } = JSON.parse(body) as Export;
      expect(toRecord(resourceSpans[0]!.resource.attributes)).toMatchObject({
        'service.name': 'rewards-gateway',
        'service.version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
        'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
        'k8s.pod.name': 'pod-1',
      });
    });

    it('are named by the log, and a ledger entry leads to both', () => {
      const request = spans.find(({ name }) => name === 'POST /callbacks/kiip')!;
      expect(lines.filter(({ msg, id }) => msg === 'request' && id === entryId)).toEqual([
        expect.objectContaining({ trace_id: request.traceId, span_id: request.spanId }),
      ]);
    });

    it('contain no personal data, no secret and no URL of a consumer', () => {
      const exported = JSON.stringify(collector.received);
      for (const canary of ['canary-user', 'demo-partner', 'test_app_secret', 'whsec_', wallet.url])
        expect(exported).not.toContain(canary);
    });

    it('have nothing in a trace that somebody without a credential names', () => {
      expect(strangerStatus).toBe(401);
      expect(spansOf(TRACES.stranger)).toEqual([]);
    });

    it('continue at Kigo', () => {
      expect(lookupStatus).toBe(200);
      const lookup = spansOf(TRACES.lookup).find(({ name }) => name === 'kigo lookup')!;
      expect(seenByKigo[0]).toBe(`00-${TRACES.lookup}-${lookup.spanId}-01`);
    });

    it('include a request whose client disconnected', () => {
      expect(callOutcome).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
      expect(disconnectedStatus).toBe(499);
      const [span, ...others] = spansOf(TRACES.disconnected).filter(
        ({ parentSpanId }) => parentSpanId === callerSpan,
      );
      expect([span?.name, others]).toEqual(['GET /api/user/unviewed-count', []]);
      expect(span!.attributes).toContainEqual({
        key: 'http.response.status_code',
        value: { intValue: 499 },
      });
    });
  });

  it('are not created without an OTLP endpoint', async () => {
    await using gateway = start();
    const { headers } = await deliverCallback(gateway, { traceparent: traceparentOf(TRACES.callback) });
    expect(headers['traceparent']).toBeUndefined();
  });

  it('delay nothing while the collector is unavailable', async () => {
    await using gateway = start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    await deliverCallback(gateway);
    gateway.signal('SIGTERM');
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    expect(gateway.errors()).toBe('');
  });
});
