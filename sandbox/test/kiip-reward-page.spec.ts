import { createContext, runInContext } from 'node:vm';
import { startKiipSandbox } from '../src/kiip/start-kiip-sandbox.js';
import type { KiipSandbox } from '../src/kiip/kiip-sandbox.js';
import { startCallbackReceiver } from '../../test/support/callback-receiver.js';
import type { CallbackReceiver } from '../../test/support/callback-receiver.js';
import { json, KiipClient, MOMENT } from './support/kiip-client.js';
import { rawCall } from '../../test/support/raw-call.js';
import type { RawCallResult } from '../../test/support/raw-call.js';
import { waitFor } from '../../test/support/wait-for.js';

let receiver: CallbackReceiver;
let sandbox: KiipSandbox;
let kiip: KiipClient;

beforeAll(async () => {
  receiver = await startCallbackReceiver();
  sandbox = await startKiipSandbox({ callbackUrl: `${receiver.url}/callbacks/kiip` });
  kiip = new KiipClient(sandbox);
});
beforeEach(() => {
  sandbox.reset();
  receiver.reset();
});
afterAll(async () => {
  await sandbox.close();
  await receiver.close();
});

const pageOf = async (body: unknown = MOMENT): Promise<string> =>
  (await kiip.reward(body)).view.modal.body_url;
const redeem = (url: string): Promise<RawCallResult> => rawCall(url, { method: 'POST' });

describe('the reward page of the Kiip sandbox', () => {
  it('is self-contained HTML with a redeem and a close button', async () => {
    const answer = await rawCall(await pageOf());
    const html = answer.body.toString();
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(html).toContain('<h1>20 Coins</h1>');
    expect(html).toContain('<button>Redeem</button>');
    expect(html).toContain('href="kiip://did_dismiss?close=1"');
    expect(html).not.toMatch(/https?:\/\//);
    const image = await kiip.call('/reward/image.svg');
    expect([image.status, image.headers['content-type']]).toEqual([200, 'image/svg+xml']);
  });

  it('is the same under both URL formats, and at the path of the latest reward', async () => {
    const url = await pageOf();
    const [, preview = ''] = sandbox.rewards()[0]?.paths ?? [];
    const latest = await kiip.call('/reward/latest');
    expect([latest.status, latest.headers.location]).toEqual([302, url]);
    const pages = [await rawCall(url), await kiip.call(preview)];
    expect(pages[0]?.body).toEqual(pages[1]?.body);
  });

  it.each([false, 0, '0', 'false'])('has no close button when the moment said %j', async (close_button) => {
    const { body } = await rawCall(await pageOf({ ...MOMENT, close_button }));
    expect(body.toString()).not.toContain('did_dismiss?close=1');
  });

  it.each([undefined, true, 1, '1', 'true', '', 'no', null])(
    'has one when the moment said %j',
    async (close_button) => {
      const { body } = await rawCall(await pageOf({ ...MOMENT, close_button }));
      expect(body.toString()).toContain('did_dismiss?close=1');
    },
  );

  it('shows what it was given as text, and the e-mail address filled in', async () => {
    sandbox.configure({ currencyName: '<b>&' });
    const { body } = await rawCall(await pageOf({ ...MOMENT, email_address: '"><script>@example.com' }));
    expect(body.toString()).toContain('<h1>20 &#60;b&#62;&#38;</h1>');
    expect(body.toString()).toContain('value="&#34;&#62;&#60;script&#62;@example.com"');
  });

  it('names a test reward as such', async () => {
    const { body } = await rawCall(await pageOf({ ...MOMENT, test: true }));
    expect(body.toString()).toContain('Test reward');
  });

  it('is 404 for an unknown reward', async () => {
    for (const path of ['/reward/x', '/reward/preview/x', '/reward/latest']) {
      const answer = await kiip.call(path);
      expect([answer.status, answer.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    }
    expect((await redeem(`${sandbox.url}/reward/x/y`)).status).toBe(404);
  });

  it('can be slow, and hang', async () => {
    const url = await pageOf();
    sandbox.addFault({ kind: 'slow', delayMs: 40, route: 'reward', times: 1 });
    expect((await rawCall(url)).headMs).toBeGreaterThan(35);
    sandbox.addFault({ kind: 'hang', route: 'reward' });
    const patience = new AbortController();
    const hanging = rawCall(url, { signal: patience.signal });
    await waitFor('the page is asked for', () => sandbox.requests('reward').length === 2);
    patience.abort();
    expect((await hanging).status).toBeUndefined();
    expect(sandbox.requests('reward').map(({ fault }) => fault)).toEqual(['slow', 'hang']);
  });
});

describe('a redemption on the reward page of the sandbox', () => {
  it('sends the callback and names the kiip URLs to go to', async () => {
    const answer = await redeem(await pageOf());
    await sandbox.settled();
    const [reward] = sandbox.rewards();
    const [callback, ...more] = receiver.received;
    const sent = Object.fromEntries(new URLSearchParams(callback?.body));
    expect(more).toEqual([]);
    expect(sent).toMatchObject({ transaction_id: reward?.view_id, user_id: 'user-123', quantity: '20' });
    expect(reward?.used_date).toEqual(expect.any(String));
    const { transaction_id, signature, content = '' } = sent;
    const query = `content=${content}&quantity=20&transaction_id=${transaction_id}&signature=${signature}`;
    expect([answer.status, json(answer)]).toEqual([
      200,
      { navigate: [`kiip://content?${query}`, 'kiip://did_dismiss'] },
    ]);
  });

  it('is done by its script: redeem, then content, then did_dismiss', async () => {
    const url = await pageOf();
    const html = (await rawCall(url)).body.toString();
    const script = /<script>(.*)<\/script>/s.exec(html)?.[1] ?? '';
    const visited: string[] = [];
    const listeners = new Map<string, (event: object) => Promise<void>>();
    const element = {
      textContent: '',
      disabled: false,
      addEventListener: listeners.set.bind(listeners),
    };
    const page = {
      document: { querySelector: () => element, getElementById: () => ({ textContent: '' }) },
      location: {
        get href() {
          return url;
        },
        set href(to: string) {
          visited.push(to);
        },
      },
      fetch,
      setTimeout: (done: () => void) => setImmediate(done),
    };
    runInContext(script, createContext(page));
    await listeners.get('submit')?.({ preventDefault: () => {} });
    await sandbox.settled();
    expect(visited).toEqual([expect.stringMatching(/^kiip:\/\/content\?content=/), 'kiip://did_dismiss']);
    expect(element).toMatchObject({ textContent: 'Redeemed', disabled: true });
    expect(receiver.received).toHaveLength(1);
  });

  it('happens once', async () => {
    const url = await pageOf();
    await redeem(url);
    const again = await redeem(url);
    await sandbox.settled();
    expect([again.status, json(again)]).toEqual([409, { error: expect.stringContaining('already') }]);
    expect((await rawCall(url)).body.toString()).toContain('<button disabled>Redeemed</button>');
    expect(receiver.received).toHaveLength(1);
  });

  it('sends no callback for a reward without a user, or without a URL to send it to', async () => {
    const url = await pageOf({ ...MOMENT, user: {} });
    expect((await redeem(url)).status).toBe(200);
    await kiip.reward();
    sandbox.setCallbackUrl(null);
    expect(await sandbox.redeem()).toBeUndefined();
    sandbox.setCallbackUrl(`${receiver.url}/callbacks/kiip`);
    await sandbox.settled();
    expect([receiver.received, sandbox.deliveries()]).toEqual([[], []]);
  });

  it('reports a test reward with its test_ id', async () => {
    await redeem(await pageOf({ ...MOMENT, test: true }));
    await sandbox.settled();
    expect(new URLSearchParams(receiver.received[0]?.body).get('transaction_id')).toMatch(/^test_/);
  });

  it('sends its callback later when configured to', async () => {
    sandbox.configure({ callbackDelayMs: 60_000 });
    await redeem(await pageOf());
    await sandbox.settled();
    expect(sandbox.deliveries()).toMatchObject([{ state: 'waiting', attempts: 0 }]);
    sandbox.advance(60_000);
    await sandbox.settled();
    expect(sandbox.deliveries()).toMatchObject([{ state: 'accepted', attempts: 1 }]);
    expect(receiver.received).toHaveLength(1);
  });

  it('has the currency that was configured when the reward was given', async () => {
    const url = await pageOf();
    sandbox.configure({ currencyContent: 'gems', currencyName: 'Gems', currencyQuantity: 3 });
    await redeem(url);
    await sandbox.settled();
    expect(Object.fromEntries(new URLSearchParams(receiver.received[0]?.body))).toMatchObject({
      content: '7f3c2a10-0b1d-4c5e-8a9b-1234567890ab',
      name: 'Coins',
      quantity: '20',
    });
  });

  it('does not wait for the receiver', async () => {
    receiver.answer('hang');
    expect((await redeem(await pageOf())).status).toBe(200);
  });
});
