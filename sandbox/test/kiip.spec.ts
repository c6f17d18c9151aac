import { startKiipSandbox } from '../src/kiip/start-kiip-sandbox.js';
import type { KiipSandbox } from '../src/kiip/kiip-sandbox.js';
import { json, KiipClient, MOMENT, SESSION, SESSION_END } from './support/kiip-client.js';
import type { RewardDocument } from './support/kiip-client.js';
import type { RawCallResult } from '../../test/support/raw-call.js';

const ERROR_BODY = { error: expect.any(String) };
const KIIP_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;
const KIIP_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-7c-f][0-9a-f]{3}-[0-9a-f]{12}$/;
const TEST_MOMENT = { ...MOMENT, test: true };

let sandbox: KiipSandbox;
let kiip: KiipClient;

beforeAll(async () => {
  sandbox = await startKiipSandbox();
  kiip = new KiipClient(sandbox);
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

/** Which of these moments are rewarded, sent one after the other. */
async function rewarded(...ids: string[]): Promise<boolean[]> {
  const answers: boolean[] = [];
  for (const id of ids) answers.push(isReward(await kiip.moment({ ...MOMENT, moment: { id } })));
  return answers;
}

const isReward = (answer: RawCallResult): boolean => 'view' in (json(answer) as object);

describe('a session of the Kiip sandbox', () => {
  it.each(['/2.0/server/session', '/2.0/server/session/', '/2.0/server/moment', '/2.0/server/moment/'])(
    'answers the date in UTC, with microseconds and no zone, on %s',
    async (path) => {
      const answer = await kiip.post(path, SESSION);
      expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
      expect(json(answer)).toEqual({ date: expect.stringMatching(KIIP_DATE) });
      const { date } = json(answer) as { date: string };
      expect(Math.abs(Date.parse(`${date}Z`) - Date.now())).toBeLessThan(5_000);
      expect(sandbox.requests('session')).toHaveLength(1);
    },
  );

  it('is not started on the path of moments when that is disabled', async () => {
    sandbox.configure({ sessionsOnMomentPath: false });
    const answer = await kiip.post('/2.0/server/moment', SESSION);
    expect([answer.status, json(answer)]).toEqual([400, { error: 'moment.id is required.' }]);
    expect((await kiip.session()).status).toBe(200);
  });

  it('is recorded for each device, from start to end', async () => {
    const { date } = json(await kiip.session()) as { date: string };
    const other = { ...SESSION, device: { ...SESSION.device, id: 'other' }, user: {} };
    await kiip.session(other);
    const { date: end } = json(await kiip.session(SESSION_END)) as { date: string };
    expect(sandbox.sessions()).toEqual([
      { device_id: SESSION.device.id, user_id: 'user-123', started: date, ended: end },
      { device_id: 'other', user_id: null, started: expect.stringMatching(KIIP_DATE), ended: null },
    ]);
  });

  it('uses the virtual clock', async () => {
    sandbox.advance(3_600_000);
    const { date } = json(await kiip.session()) as { date: string };
    expect(Date.parse(`${date}Z`) - Date.now()).toBeGreaterThan(3_590_000);
  });

  it.each([
    ['no events', { ...SESSION, events: undefined }],
    ['an empty list of events', { ...SESSION, events: [] }],
    [
      'an unknown event',
      { ...SESSION, events: [{ id: 'session_pause', start: '2015-01-28T01:32:22.852Z' }] },
    ],
    ['an event without a date', { ...SESSION, events: [{ id: 'session_start', start: 'yesterday' }] }],
  ])('answers 400 to %s', async (_, body) => {
    const answer = await kiip.session(body);
    expect([answer.status, json(answer)]).toEqual([400, { error: 'events is required.' }]);
  });
});

describe.each([
  ['session', '/2.0/server/session', SESSION],
  ['moment', '/2.0/server/moment', MOMENT],
] as const)('a bad %s', (route, path, good) => {
  it.each([401, 400, 403, 200] as const)('with an unknown app_key is %d with an error', async (status) => {
    sandbox.configure({ unknownAppKeyStatus: status });
    const answer = await kiip.post(path, { ...good, app: { app_key: 'unknown', version: '1' } });
    expect([answer.status, json(answer)]).toEqual([status, { error: 'Unknown app_key.' }]);
  });

  it.each([
    ['{', 'JSON'],
    ['', 'JSON'],
    ['[]', 'JSON'],
    [{ ...good, app: undefined }, 'app.app_key'],
    [{ ...good, app: { version: '1' } }, 'app.app_key'],
    [{ ...good, device: { lang: 'en' } }, 'device.id'],
    [{ ...good, device: { id: '' } }, 'device.id'],
  ])('like %j is 400, or 200 when switched, with an error about %s', async (body, what) => {
    const refused = await kiip.post(path, body);
    expect([refused.status, json(refused)]).toEqual([400, { error: expect.stringContaining(what) }]);
    sandbox.configure({ badBodyStatus: 200 });
    const polite = await kiip.post(path, body);
    expect([polite.status, json(polite)]).toEqual([200, ERROR_BODY]);
  });

  it('of another media type is 415, of another method 405', async () => {
    const form = await kiip.post(path, 'a=b', { 'content-type': 'application/x-www-form-urlencoded' });
    expect([form.status, json(form)]).toEqual([415, ERROR_BODY]);
    const get = await kiip.call(path);
    expect([get.status, json(get), get.headers.allow]).toEqual([405, ERROR_BODY, 'POST']);
  });

  it('is accepted with unknown fields', async () => {
    expect((await kiip.post(path, { ...good, event: [], x: 1 })).status).toBe(200);
  });

  it('is logged with its route, device and user, and faults can select by them', async () => {
    sandbox.addFault({ kind: 'status', status: 500, route, device: good.device.id, user: 'user-123' });
    const answer = await kiip.post(path, good);
    expect([answer.status, json(answer)]).toEqual([500, ERROR_BODY]);
    expect((await kiip.post(path, { ...good, user: { userid: 'other' } })).status).toBe(200);
    expect((await kiip.post(path, { ...good, device: { ...good.device, id: 'other' } })).status).toBe(200);
    expect(sandbox.requests(route).map(({ status, fault }) => [status, fault])).toEqual([
      [500, 'status'],
      [200, null],
      [200, null],
    ]);
  });
});

describe('a moment of the Kiip sandbox', () => {
  it.each(['/2.0/server/moment', '/2.0/server/moment/'])(
    'answers the vendor document on %s',
    async (path) => {
      const answer = await kiip.post(path, MOMENT);
      expect(answer.status).toBe(200);
      const { date, view } = json(answer) as RewardDocument;
      expect(json(answer)).toEqual({
        date: expect.stringMatching(KIIP_DATE),
        notification: { reward_name: '20 Coins', reward_image_url: `${sandbox.url}/reward/image.svg` },
        view: {
          email_bounced: false,
          id: expect.stringMatching(KIIP_ID),
          modal: {
            message: '20 Coins',
            timeout: 10,
            body_url: expect.stringContaining(`${sandbox.url}/reward/`),
            title: 'Loading your Kiip Reward:',
          },
          used_date: null,
        },
      });
      expect(Number.parseInt(view.id.slice(0, 8), 16)).toBe(Math.floor(Date.parse(`${date}Z`) / 1000));
      const page = new URL(view.modal.body_url);
      expect(page.pathname.split('/').slice(2)).toEqual([expect.stringMatching(KIIP_ID), view.id]);
      expect(Object.fromEntries(page.searchParams)).toEqual({
        application_id: expect.stringMatching(KIIP_ID),
        locale: 'en_US',
        moment_id: MOMENT.moment.id,
        sdk_version: '1.0',
        r: expect.stringMatching(/^\d{6}$/),
        mode: 'standalone',
        sdk: 'none',
      });
    },
  );

  it.each([true, 'true'])('is always a test reward with test %j', async (test) => {
    sandbox.configure({ momentRule: 'never', sessionRequired: true, knownMoments: [] });
    const { notification, view } = await kiip.reward({ ...MOMENT, test });
    expect(view.id).toMatch(/^test_/);
    expect(view.id.slice(5)).toMatch(KIIP_ID);
    expect(new URL(view.modal.body_url).searchParams.get('preview')).toBe('true');
    expect(notification?.reward_name).toBe('Test Reward - 20 Coins');
  });

  it('is one too with the leftover events of the vendor example', async () => {
    const { events } = SESSION;
    expect(isReward(await kiip.moment({ ...MOMENT, event: events, events }))).toBe(true);
    expect([sandbox.requests('session'), sandbox.requests('moment').length]).toEqual([[], 1]);
  });

  it('names the host that the client called', async () => {
    const headers = { 'content-type': 'application/json', host: 'kiip.internal:8080' };
    const { view } = json(await kiip.post('/2.0/server/moment', MOMENT, headers)) as RewardDocument;
    expect(new URL(view.modal.body_url).host).toBe('kiip.internal:8080');
  });

  it('gives every reward ids of its own, and lists them', async () => {
    const views = [await kiip.reward(), await kiip.reward(TEST_MOMENT)].map(({ view }) => view);
    expect(sandbox.rewards()).toEqual(
      views.map((view, index) =>
        expect.objectContaining({
          view_id: view.id,
          body_url: view.modal.body_url,
          moment_id: MOMENT.moment.id,
          device_id: MOMENT.device.id,
          user_id: 'user-123',
          test: index === 1,
          used_date: null,
        }),
      ),
    );
    expect(views[0]?.id).not.toBe(views[1]?.id);
  });

  it('gives the same random digits in every run', async () => {
    const another = await startKiipSandbox({ seed: 1 });
    const [here, there] = [await kiip.reward(), await new KiipClient(another).reward()];
    expect(there.view.id.slice(8)).toBe(here.view.id.slice(8));
    await another.close();
  });

  it('is rewarded never, or every third time, or by its id, when switched', async () => {
    sandbox.configure({ momentRule: 'never' });
    expect(await rewarded('a', 'a')).toEqual([false, false]);
    sandbox.reset();
    sandbox.configure({ momentRule: 'every-nth', everyNth: 3 });
    await kiip.moment(TEST_MOMENT);
    expect(await rewarded('a', 'b', 'c', 'd', 'e', 'f')).toEqual([false, false, true, false, false, true]);
    sandbox.configure({ momentRule: 'by-moment', rewardedMoments: ['b'] });
    expect(await rewarded('a', 'b', 'b')).toEqual([false, true, true]);
  });

  it.each([
    ['date', 200, { date: expect.stringMatching(KIIP_DATE) }],
    ['empty-object', 200, {}],
    ['null-view', 200, { date: expect.stringMatching(KIIP_DATE), view: null }],
    ['empty-body', 200, undefined],
    ['no-content', 204, undefined],
  ] as const)('that is not rewarded is answered in the form %s', async (noReward, status, body) => {
    sandbox.configure({ momentRule: 'never', noReward });
    const answer = await kiip.moment();
    expect([answer.status, answer.error]).toEqual([status, undefined]);
    expect(answer.body.length === 0 ? undefined : json(answer)).toEqual(body);
    expect(sandbox.rewards()).toEqual([]);
  });

  it('has no reward for a device without an open session when configured to', async () => {
    sandbox.configure({ sessionRequired: true });
    expect(isReward(await kiip.moment())).toBe(false);
    await kiip.session();
    expect(isReward(await kiip.moment())).toBe(true);
    await kiip.session(SESSION_END);
    expect(isReward(await kiip.moment())).toBe(false);
  });

  it('has no reward, or an error when switched, for an unknown id', async () => {
    sandbox.configure({ knownMoments: ['known'] });
    expect(isReward(await kiip.moment({ ...MOMENT, moment: { id: 'known' } }))).toBe(true);
    expect(isReward(await kiip.moment())).toBe(false);
    sandbox.configure({ unknownMoment: 'error' });
    const answer = await kiip.moment();
    expect([answer.status, json(answer)]).toEqual([400, { error: 'Unknown moment.' }]);
  });

  it.each([{ moment: {} }, { moment: { id: '' } }, { moment: undefined }])(
    'answers 400 to %j',
    async (bad) => {
      const answer = await kiip.moment({ ...MOMENT, ...bad });
      expect([answer.status, json(answer)]).toEqual([400, { error: 'moment.id is required.' }]);
    },
  );

  it('can come without a notification and with the amount when configured to', async () => {
    sandbox.configure({ notification: false, virtualValue: true, currencyQuantity: 7, currencyName: 'Gems' });
    const document = await kiip.reward();
    expect(document).not.toHaveProperty('notification');
    expect(document.view).toMatchObject({ modal: { message: '7 Gems' }, virtual: { virtual_value: 7 } });
  });

  it.each([
    ['preview', /^http:\/\/127\.0\.0\.1:\d+\/reward\/preview\/[^/]+\?application_id=/],
    ['vendor', /^https:\/\/api\.kiip\.me\/reward\//],
    ['http', /^http:\/\/api\.kiip\.me\/reward\//],
    ['foreign-host', /^https:\/\/rewards\.example\.net\/reward\//],
    ['script', /^javascript:/],
    ['empty', /^$/],
  ] as const)('has a body_url of the form %s when switched', async (bodyUrl, form) => {
    sandbox.configure({ bodyUrl });
    expect((await kiip.reward()).view.modal.body_url).toMatch(form);
  });

  it('has no body_url when configured to', async () => {
    sandbox.configure({ bodyUrl: 'missing' });
    expect((await kiip.reward()).view.modal).not.toHaveProperty('body_url');
  });

  it('supports the faults of every vendor', async () => {
    sandbox.addFault({ kind: 'truncated', times: 1 });
    expect((await kiip.moment()).body.toString()).not.toMatch(/}$/);
    sandbox.addFault({ kind: 'reset', route: 'moment', moment: MOMENT.moment.id });
    expect((await kiip.moment()).error).toBe('ECONNRESET');
    expect((await kiip.session()).status).toBe(200);
  });
});
