import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKigoSandbox } from '@rewards-gateway/sandbox';
import type { KigoSandbox } from '@rewards-gateway/sandbox';
import { consumersConfig } from '../support/consumer.js';
import { newDatabase } from '../support/databases.js';
import type { TestDatabase } from '../support/databases.js';
import { badge } from '../support/gateway.js';
import { startProcess } from '../support/gateway-process.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { Inbox } from '../support/inbox.js';
import { Issuer } from '../support/issuer.js';
import { redemption } from '../support/kiip.js';
import { startProxy } from '../support/proxy.js';
import { selfSigned } from '../support/self-signed.js';
import { startTlsFront } from '../support/tls-front.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import type { CallbackReceiver } from '../support/callback-receiver.js';
import { waitFor } from '../support/wait-for.js';

// The published ones are for loopback alone.
const KIGO_API_KEY = 'kigo-key-of-this-test';
const secrets = [`whsec_${Buffer.alloc(32, 'k').toString('base64')}`];

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

/** The URL of a server of this machine under an address that is not one of loopback. */
const elsewhere = (url: string) => url.replace(/127\.0\.0\.1|localhost/, '0.0.0.0');

describe('outgoing requests', () => {
  let kigo: KigoSandbox;
  let issuer: Issuer;
  let inbox: Inbox;
  let collector: CallbackReceiver;
  let database: TestDatabase;
  let folder: string;
  const identity = selfSigned('*.example.test');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-proxy-'));
    await writeFile(join(folder, 'certificate.pem'), identity.cert);
    kigo = await startKigoSandbox({ apiKey: KIGO_API_KEY });
    issuer = await Issuer.start();
    inbox = await Inbox.open();
    collector = await startCallbackReceiver();
    database = await newDatabase();
  });
  afterAll(async () => {
    await Promise.all([kigo.close(), issuer.close(), inbox.close(), collector.close(), database.drop()]);
    await rm(folder, { recursive: true });
  });

  const deliverThrough = async (url: string) => {
    const delivered = inbox.byId.size;
    await fetch(`${url}/callbacks/kiip`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(redemption()),
    });
    await waitFor('the event is delivered', () => inbox.byId.size > delivered);
  };
  /** At its end it sends the traces. */
  const stop = async (gateway: GatewayProcess) => {
    collector.received.length = 0;
    gateway.signal('SIGTERM');
    await gateway.ended;
    expect(resourcesOf(collector)).not.toEqual([]);
  };

  it.each([
    ['HTTP_PROXY', 'http'],
    ['http_proxy', 'http'],
    ['HTTPS_PROXY', 'https'],
    ['https_proxy', 'https'],
  ])('all go through the proxy of %s, over %s', async (variable, scheme) => {
    await using proxy = await startProxy();
    await using fronts = new AsyncDisposableStack();
    /** The URL of a server of this machine under a name that only the proxy knows. */
    const named = async (name: string, url: string) => {
      const target = new URL(url);
      target.hostname = `${name}.example.test`;
      if (scheme === 'https') {
        target.port = String(fronts.use(await startTlsFront(identity, url)).port);
        return target.href.replace(/^http:/, 'https:').replace(/\/$/, '');
      }
      return target.href.replace(/\/$/, '');
    };
    await using gateway = startProcess({
      ...database.env,
      ...issuer.environment,
      [variable]: proxy.url,
      NODE_EXTRA_CA_CERTS: join(folder, 'certificate.pem'),
      ...(scheme === 'http' && { ALLOW_INSECURE_UPSTREAMS: 'true' }),
      KIGO_API_KEY,
      KIGO_BASE_URL: await named('kigo', kigo.url),
      JWT_JWKS_URL: await named('issuer', String(issuer.environment['JWT_JWKS_URL'])),
      DELIVERY_CONSUMERS: consumersConfig(await named('wallet', inbox.url()), { secrets }),
      OTEL_EXPORTER_OTLP_ENDPOINT: await named('collector', new URL(collector.url).origin),
    });
    const url = await gateway.url();
    await gateway.logged('database ready');
    expect(await ask(url, issuer.token())).toBe(200);
    await deliverThrough(url);
    await stop(gateway);
    expect([...new Set(proxy.hosts)].toSorted()).toEqual([
      'collector.example.test',
      'issuer.example.test',
      'kigo.example.test',
      'wallet.example.test',
    ]);
  });

  it('to this machine and to the hosts of NO_PROXY do not', async () => {
    await using proxy = await startProxy();
    await using gateway = startProcess({
      ...database.env,
      ...issuer.environment,
      HTTP_PROXY: proxy.url,
      HTTPS_PROXY: proxy.url,
      NO_PROXY: 'other.test, 0.0.0.0',
      ALLOW_INSECURE_UPSTREAMS: 'true',
      KIGO_API_KEY,
      KIGO_BASE_URL: elsewhere(kigo.url),
      DELIVERY_CONSUMERS: consumersConfig(elsewhere(inbox.url()), { secrets }),
      OTEL_EXPORTER_OTLP_ENDPOINT: elsewhere(new URL(collector.url).origin),
    });
    const url = await gateway.url();
    await gateway.logged('database ready');
    expect(await ask(url, issuer.token())).toBe(200);
    await deliverThrough(url);
    await stop(gateway);
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
