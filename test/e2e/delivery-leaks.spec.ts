import type { CallbackReceiver, ReceiverResponse } from '../support/callback-receiver.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumer } from '../support/consumer.js';
import { DeliveryView } from '../support/deliveries.js';
import { freePort } from '../support/free-port.js';
import { startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { resetBeforeHeaders } from '../support/malformed-responses.js';

const canary = 'canary';
/** The key of a consumer, and the form in which it is configured. */
const key = `${canary}-key-of-a-consumer-0001`;
const secret = `whsec_${Buffer.from(key).toString('base64')}`;
const LEAKED = new RegExp(
  [canary, secret.slice('whsec_'.length), Buffer.from(key).toString('hex')].join('|'),
  'i',
);

const respond = (status: number, headers: Record<string, string> = {}): ReceiverResponse => ({
  status,
  body: `${canary} in a body`,
  headers: { 'x-canary': canary, 'set-cookie': `session=${canary}`, ...headers },
});
const responses: Record<string, ReceiverResponse> = {
  ok: respond(200),
  broken: respond(500),
  busy: respond(429, { 'retry-after': canary }),
  moved: respond(307, { location: `http://${canary}.invalid/${canary}` }),
  gone: respond(410),
  reset: resetBeforeHeaders,
  'no-http': ({ socket }) => void socket!.end(`${canary}\r\n${canary}\r\n\r\n`),
};

describe('secrets in a consumer URL, its secrets and its responses', () => {
  const receivers: CallbackReceiver[] = [];
  const path = `/${canary}-path?token=${canary}-token`;
  const texts: string[] = [];
  let gateway: KiipGateway;
  let view: DeliveryView;
  let id: string;

  beforeAll(async () => {
    const urls: Record<string, string> = {
      down: `http://127.0.0.1:${await freePort()}`,
      lost: `https://${canary}.invalid`,
    };
    for (const [name, response] of Object.entries(responses)) {
      const receiver = await startCallbackReceiver();
      receivers.push(receiver);
      receiver.answer(response);
      urls[name] = receiver.url;
    }
    // A server without TLS breaks the handshake.
    urls['no-tls'] = receivers[0]!.url.replace('http:', 'https:');
    const consumers = Object.entries(urls).map(([name, url]) =>
      consumer(url + path, { name, secrets: [secret], order_by: 'user_id' }),
    );
    gateway = await startKiipGateway({
      DELIVERY_CONSUMERS: JSON.stringify(consumers),
      SHUTDOWN_GRACE_SECONDS: '2',
      LOG_LEVEL: 'trace',
    });
    view = new DeliveryView(gateway);
    id = await view.record();
    await view.waitFor('each consumer has an attempt', (items) =>
      Object.keys(urls).every((name) =>
        items.some(({ consumer: found, attempts }) => found === name && attempts > 0),
      ),
    );
    // Moving to the dead letters is logged as well.
    await view.query(
      `update deliveries set schedule_started_at = '2020-01-01', next_attempt_at = now() where status = 'pending'`,
    );
    await view.waitFor('a dead delivery', (items) => items.some(({ status }) => status === 'dead'));
  });
  afterAll(() => Promise.all(receivers.map((receiver) => receiver.close())));

  it('are sent to the consumer', () => {
    for (const { received } of receivers) expect(received[0]?.path).toBe(path);
  });

  it('appear in no response', async () => {
    const window = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };
    const [first] = await view.list();
    const gets = [
      '/api/v1/deliveries?limit=500',
      `/api/v1/kiip/issuances/${id}`,
      `/api/v1/kiip/reconciliation?${String(new URLSearchParams(window))}`,
      '/health/dependencies',
      '/health/ready',
      '/openapi.json',
    ];
    const posts: [string, object][] = [
      [`/api/v1/deliveries/${first!.id}/retry`, {}],
      ['/api/v1/deliveries/replays', { consumer: 'nobody', ...window }],
      ['/api/v1/deliveries/replays', { consumer: 'gone', ...window, dry_run: true }],
    ];
    for (const get of gets) texts.push(await (await gateway.get(get)).text());
    for (const [post, body] of posts) texts.push(await (await gateway.post(post, body)).text());
    expect(texts.join('\n')).toContain(id);
    expect(texts.join('\n')).not.toMatch(LEAKED);
  });

  it('appear in no table', async () => {
    const tables = await view.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    );
    const rows: string[] = [];
    for (const { name } of tables)
      rows.push(JSON.stringify(await view.query(`select '${name}', row_to_json(t) from "${name}" t`)));
    for (const name of ['delivery_attempts', 'delivery_pauses']) expect(rows.join('\n')).toContain(name);
    expect(rows.join('\n')).not.toMatch(LEAKED);
  });

  it('appear in no log line, up to the last', async () => {
    await gateway.close();
    const lines = JSON.stringify(gateway.log);
    expect(lines).toContain('delivery attempt failed');
    expect(lines).toContain('delivery moved to dead letters');
    expect(lines).toContain('consumer returned 410; paused');
    expect(lines).not.toMatch(LEAKED);
  });
});
