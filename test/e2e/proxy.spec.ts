import { startKigoSandbox } from '@rewards-gateway/sandbox';
import type { KigoSandbox } from '@rewards-gateway/sandbox';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { badge } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import { Inbox } from '../support/inbox.js';
import { Issuer } from '../support/issuer.js';
import { redemption } from '../support/kiip.js';
import { startProxy } from '../support/proxy.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { waitFor } from '../support/wait-for.js';

// The published ones are for loopback alone.
const KIGO_API_KEY = 'kigo-key-of-this-test';
const secrets = [`whsec_${Buffer.alloc(32, 'k').toString('base64')}`];

/** The URL of a server of this machine under a name that only the proxy knows. */
const named = (name: string, url: string) => url.replace(/127\.0\.0\.1|localhost/, name);
const ask = async (url: string, token: string) =>
  (await fetch(url + badge(), { headers: { authorization: `Bearer ${token}` } })).status;

/** The attributes of every export. */
const resourcesOf = ({ received }: CallbackReceiver) =>
  received.flatMap(({ body }) =>
    (
      JSON.parse(body) as {
        resourceSpans: { resource: { attributes: { key: string; value: { stringValue?: string } }[] } }[];
      }
    ).resourceSpans.map(({ resource }) =>
      Object.fromEntries(resource.attributes.map(({ key, value }) => [key, value.stringValue])),
    ),
  );

describe('outgoing requests', () => {
  let kigo: KigoSandbox;
  let issuer: Issuer;
  let inbox: Inbox;
  let collector: CallbackReceiver;
  let database: TestDatabase;

  beforeAll(async () => {
    kigo = await startKigoSandbox({ apiKey: KIGO_API_KEY });
    issuer = await Issuer.start();
    inbox = await Inbox.open();
    collector = await startCallbackReceiver();
    database = await newDatabase();
  });
  afterAll(async () => {
    await Promise.all([kigo.close(), issuer.close(), inbox.close(), collector.close(), database.drop()]);
  });

  it.each(['HTTP_PROXY', 'http_proxy'])('all go through the proxy of %s', async (variable) => {
    await using proxy = await startProxy();
    await using gateway = startProcess({
      ...database.env,
      ...issuer.environment,
      [variable]: proxy.url,
      ALLOW_INSECURE_UPSTREAMS: 'true',
      KIGO_API_KEY,
      KIGO_BASE_URL: named('kigo.test', kigo.url),
      JWT_JWKS_URL: named('issuer.test', String(issuer.environment['JWT_JWKS_URL'])),
      DELIVERY_CONSUMERS: consumersConfig(named('wallet.test', inbox.url()), { secrets }),
      OTEL_EXPORTER_OTLP_ENDPOINT: named('collector.test', new URL(collector.url).origin),
    });
    const url = await gateway.url();
    await gateway.logged('database ready');
    expect(await ask(url, issuer.token())).toBe(200);
    const delivered = inbox.byId.size;
    await fetch(`${url}/callbacks/kiip`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(redemption()),
    });
    await waitFor('the event is delivered', () => inbox.byId.size > delivered);
    gateway.signal('SIGTERM');
    await gateway.ended;
    expect([...new Set(proxy.hosts)].toSorted()).toEqual([
      'collector.test',
      'issuer.test',
      'kigo.test',
      'wallet.test',
    ]);
  });

  it('to this machine and to the hosts of NO_PROXY do not', async () => {
    await using proxy = await startProxy();
    await using gateway = startProcess({
      ...database.env,
      ...issuer.environment,
      HTTP_PROXY: proxy.url,
      HTTPS_PROXY: proxy.url,
      NO_PROXY: 'other.test, .wallet.invalid',
      ALLOW_INSECURE_UPSTREAMS: 'true',
      KIGO_API_KEY,
      KIGO_BASE_URL: kigo.url,
      DELIVERY_CONSUMERS: consumersConfig('http://a.wallet.invalid/events', { secrets }),
      OTEL_EXPORTER_OTLP_ENDPOINT: new URL(collector.url).origin,
    });
    const url = await gateway.url();
    expect(await ask(url, issuer.token())).toBe(200);
    gateway.signal('SIGTERM');
    await gateway.ended;
    expect(proxy.hosts).toEqual([]);
  });

  it('carry the names of OpenTelemetry that the environment sets', async () => {
    const { received } = collector;
    const run = async (env: Record<string, string>) => {
      received.length = 0;
      await using gateway = startProcess({
        ...issuer.environment,
        KIGO_API_KEY,
        KIGO_BASE_URL: kigo.url,
        OTEL_EXPORTER_OTLP_ENDPOINT: new URL(collector.url).origin,
        ...env,
      });
      await ask(await gateway.url(), issuer.token());
      gateway.signal('SIGTERM');
      await gateway.ended;
      return resourcesOf(collector);
    };
    const OTEL_RESOURCE_ATTRIBUTES = 'service.name=other,deployment.environment=staging';
    const names = await run({ OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME: 'rewards' });
    expect(names[0]).toMatchObject({ 'service.name': 'rewards', 'deployment.environment': 'staging' });
    expect(await run({ OTEL_SDK_DISABLED: 'true' })).toEqual([]);
    expect(
      await run({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }),
    ).toEqual([]);
  });
});
