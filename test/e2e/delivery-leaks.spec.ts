import type { CallbackReceiver, ReceiverAnswer } from '../support/callback-receiver.js';
import { startCallbackReceiver } from '../support/callback-receiver.js';
import { consumer } from '../support/consumer.js';
import { DeliveryView } from '../support/deliveries.js';
import { freePort } from '../support/free-port.js';
import { startKiipGateway } from '../support/kiip.js';
import type { KiipGateway } from '../support/kiip.js';
import { resetBeforeHeaders } from '../support/malformed-responses.js';

const canary = 'canary';
/** As a secret is configured, and as the key that it is. */
const key = `${canary}-key-of-a-consumer-0001`;
const secret = `whsec_${Buffer.from(key).toString('base64')}`;
const tell = new RegExp(
  [canary, secret.slice('whsec_'.length), Buffer.from(key).toString('hex')].join('|'),
  'i',
);

const said = (status: number, headers: Record<string, string> = {}): ReceiverAnswer => ({
  status,
  body: `${canary} in a body`,
  headers: { 'x-said': canary, 'set-cookie': `session=${canary}`, ...headers },
});
const answers: Record<string, ReceiverAnswer> = {
  ok: said(200),
  broken: said(500),
  busy: said(429, { 'retry-after': canary }),
  moved: said(307, { location: `http://${canary}.invalid/${canary}` }),
  gone: said(410),
  reset: resetBeforeHeaders,
  'no-http': ({ socket }) => void socket!.end(`${canary}\r\n${canary}\r\n\r\n`),
};

describe('what a consumer’s address, secrets and answers hold', () => {
  const receivers: CallbackReceiver[] = [];
  const path = `/${canary}-path?token=${canary}-token`;
  const told: string[] = [];
  let gateway: KiipGateway;
  let view: DeliveryView;
  let id: string;

  beforeAll(async () => {
    const urls: Record<string, string> = {
      down: `http://127.0.0.1:${await freePort()}`,
      lost: `https://${canary}.invalid`,
    };
    for (const [name, answer] of Object.entries(answers)) {
      const receiver = await startCallbackReceiver();
      receivers.push(receiver);
      receiver.answer(answer);
      urls[name] = receiver.url;
    }
    // Whoever speaks no TLS breaks the handshake.
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
    await view.waitFor('each has been tried', (items) =>
      Object.keys(urls).every((name) =>
        items.some(({ consumer: sought, attempts }) => sought === name && attempts > 0),
      ),
    );
    // The end of the third day is told of, too.
    await view.query(
      `update deliveries set schedule_started_at = '2020-01-01', next_attempt_at = now() where status = 'pending'`,
    );
    await view.waitFor('one is dead', (items) => items.some(({ status }) => status === 'dead'));
  });
  afterAll(() => Promise.all(receivers.map((receiver) => receiver.close())));

  it('goes to the consumer', () => {
    for (const { received } of receivers) expect(received[0]?.path).toBe(path);
  });

  it('is in no answer', async () => {
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
    for (const get of gets) told.push(await (await gateway.get(get)).text());
    for (const [post, body] of posts) told.push(await (await gateway.post(post, body)).text());
    expect(told.join('\n')).toContain(id);
    expect(told.join('\n')).not.toMatch(tell);
  });

  it('is in no table', async () => {
    const tables = await view.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    );
    const rows: string[] = [];
    for (const { name } of tables)
      rows.push(JSON.stringify(await view.query(`select '${name}', row_to_json(t) from "${name}" t`)));
    for (const name of ['delivery_attempts', 'delivery_pauses']) expect(rows.join('\n')).toContain(name);
    expect(rows.join('\n')).not.toMatch(tell);
  });

  it('is in no line of the log, up to the last', async () => {
    await gateway.close();
    const lines = JSON.stringify(gateway.log);
    expect(lines).toContain('delivery attempt failed');
    expect(lines).toContain('delivery moved to dead letters');
    expect(lines).toContain('consumer returned 410; paused');
    expect(lines).not.toMatch(tell);
  });
});
