import type { FaultRule, KiipSettings } from '@rewards-gateway/sandbox';
import { kiipAppKey, momentCall, problemOf, sessionCall, startKiipWorld } from '../support/kiip-world.js';
import type { KiipWorld } from '../support/kiip-world.js';

const onMoments = { route: 'moment' } as const;

let world: KiipWorld;

const use = async (env: Parameters<typeof startKiipWorld>[0] = {}) => {
  world = await startKiipWorld(env);
};
const seen = () => world.kiip.requests();
const seenBody = () => JSON.parse(seen()[0]!.body) as Record<string, unknown>;

describe('a request to Kiip', () => {
  beforeAll(() => use());
  afterAll(() => world.close());
  beforeEach(() => world.kiip.reset());

  const everyField = {
    app: { version: '4281020' },
    connection: { ip: '54.174.101.1', carrier: 'ATT', type: 'Wifi' },
    device: { ...momentCall.device, density: '3.5' },
    location: { lat: 39.0437192, lng: 77.4874899 },
    close_button: false,
    email_address: 'someone@example.com',
    user: { age: 31, gender: 'm' },
  };

  it('has every field of a session in Kiip’s format', async () => {
    const device = {
      ...everyField.device,
      user_agent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 11_2_6 like Mac OS X)',
    };
    const events = [
      { id: 'session_start', start: '2015-01-28T01:32:22.852Z' },
      { id: 'session_end', start: '2015-01-28T01:32:22', end: '2015-01-28T01:47:00.1+02:00' },
    ];
    const response = await world.session({ ...everyField, device, events });
    expect(response.status).toBe(200);
    expect(seenBody()).toEqual({
      ...everyField,
      app: { app_key: kiipAppKey, version: '4281020' },
      device,
      sdk_version: '1.0',
      test: false,
      events: [events[0], { ...events[1], start: '2015-01-28T01:32:22Z', end: '2015-01-27T23:47:00.1Z' }],
    });
  });

  it('has every field of a moment in Kiip’s format', async () => {
    const response = await world.moment({ ...everyField, moment: momentCall.moment });
    expect(response.status).toBe(200);
    expect(seenBody()).toEqual({
      ...everyField,
      app: { app_key: kiipAppKey, version: '4281020' },
      moment: momentCall.moment,
      sdk_version: '1.0',
      test: false,
    });
  });

  it('has no field that the caller did not send', async () => {
    await world.moment();
    expect(seenBody()).toEqual({
      ...momentCall,
      app: { app_key: kiipAppKey, version: '4281020' },
      sdk_version: '1.0',
      test: false,
    });
  });

  it('is one POST of JSON to the documented path', async () => {
    await world.moment();
    await world.session();
    expect(seen().map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /2.0/server/moment/',
      'POST /2.0/server/moment/',
    ]);
    for (const { headers, body } of seen()) {
      expect(headers).toMatchObject({
        accept: 'application/json',
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      });
      expect(headers).not.toHaveProperty('authorization');
      expect(headers).not.toHaveProperty('transfer-encoding');
    }
  });

  it('has text beyond ASCII unchanged', async () => {
    await world.moment({ ...momentCall, moment: { id: 'Glück 金 🎁' } });
    expect(seenBody()['moment']).toEqual({ id: 'Glück 金 🎁' });
  });

  it.each([
    [true, undefined],
    [false, false],
  ])('has close_button %j as %j', async (given, sent) => {
    await world.moment({ ...momentCall, close_button: given });
    expect(seenBody()['close_button']).toBe(sent);
  });

  it.each(['3.5', 3.5])('has the density %j unchanged', async (density) => {
    await world.moment({ ...momentCall, device: { ...momentCall.device, density } });
    expect(seenBody()['device']).toMatchObject({ density });
  });

  it('never contains the app secret', async () => {
    await world.moment();
    await world.session();
    expect(JSON.stringify(seen())).not.toContain('test_app_secret_0001');
  });
});

describe('the configuration', () => {
  afterEach(() => world.close());

  it('sets the paths, the SDK version and the test mode of every request', async () => {
    await use({
      KIIP_SESSION_PATH: '/2.0/server/session',
      KIIP_MOMENT_PATH: '/2.0/server/moment',
      KIIP_SDK_VERSION: '2.3.0',
      KIIP_TEST_MODE: 'true',
    });
    await world.session();
    const rewarded = (await (await world.moment()).json()) as { reward: { id: string } };
    expect(seen().map(({ url }) => url)).toEqual(['/2.0/server/session', '/2.0/server/moment']);
    expect(seenBody()).toMatchObject({ sdk_version: '2.3.0', test: true });
    expect(rewarded.reward.id).toMatch(/^test_/);
  });

  it('allows reward pages on the configured hosts only', async () => {
    await use({ KIIP_REWARD_HOSTS: 'api.kiip.me' });
    expect((await world.moment()).status).toBe(502);
    world.kiip.configure({ bodyUrl: 'vendor' });
    expect((await world.moment()).status).toBe(200);
  });
});

type Body = Record<string, unknown>;
const changed = (body: Body, path: string, value: unknown): Body => {
  const [head = '', ...rest] = path.split('.');
  const inner = rest.length === 0 ? value : changed((body[head] ?? {}) as Body, rest.join('.'), value);
  return { ...body, [head]: inner };
};

const rows = (kind: 'session' | 'moment', lists: [string, unknown[]][]) =>
  lists.flatMap(([path, values]) =>
    values.map((value): ['session' | 'moment', string, unknown, string] => [
      kind,
      path,
      value,
      `/${path.replaceAll('.', '/')}`,
    ]),
  );

describe('a call to the Kiip routes', () => {
  beforeAll(() => use());
  afterAll(() => world.close());
  beforeEach(() => world.kiip.reset());

  const texts = [
    'app.version',
    'device.id',
    'device.lang',
    'device.locale',
    'device.manufacturer',
    'device.model',
  ];
  const badText: unknown[] = [
    '',
    null,
    1,
    true,
    {},
    [],
    ['x'],
    'a\u0000b',
    'a\nb',
    'x'.repeat(257),
    '\uD800',
  ];
  const optionalTexts = ['connection.type', 'connection.carrier', 'user.userid'];
  const badParts: unknown[] = [null, 'x', 1, true, [], [{}]];
  const instants: unknown[] = [null, '', '2015-01-28', 'now', 1_422_408_742, '2015-02-30T00:00:00Z', {}];

  const both: [string, unknown[]][] = [
    ...texts.map((path): [string, unknown[]] => [path, [undefined, ...badText]]),
    ...optionalTexts.map((path): [string, unknown[]] => [path, badText]),
    ['app', [undefined, ...badParts]],
    ['connection', [undefined, ...badParts]],
    ['device', [undefined, ...badParts]],
    ['location', badParts],
    ['user', badParts],
    [
      'connection.ip',
      [undefined, null, '', 'x', '256.1.1.1', '1.2.3', 'fe80::1%eth0', '1.2.3.4/8', 1, ['1.2.3.4']],
    ],
    ['device.os', [undefined, 'Android', '', null, 5]],
    ['device.resolution', [undefined, '1080', '1080*1776', '0x0', 'x', '1080x', null, [1080, 1776], '1x1x1']],
    ['device.density', [null, '', 0, -1, {}, true, 'x'.repeat(257)]],
    ['location.lat', [undefined, null, 90.0001, -90.0001, '39.04', true, {}, [1]]],
    ['location.lng', [undefined, null, 180.0001, -180.0001, '77.48', true]],
    ['user.age', [null, -1, 151, 1.5, '31', true]],
    ['user.gender', [null, 'M', 'x', '', 1, ['m']]],
    ['close_button', [null, 0, 1, '0', 'false', '']],
    ['email_address', [null, '', 'x', 'x@', '@example.com', 1, ['someone@example.com']]],
    ['app.app_key', ['x']],
    ['sdk_version', ['1.0']],
    ['test', [true, false]],
    ['app.x', [1]],
    ['connection.x', [1]],
    ['device.x', [1]],
    ['location.x', [1]],
    ['user.x', [1]],
    ['x', [1]],
  ];
  const momentsOnly: [string, unknown[]][] = [
    ['moment', [undefined, ...badParts]],
    ['moment.id', [undefined, ...badText]],
    ['moment.x', [1]],
    ['device.user_agent', ['Mozilla/5.0']],
    ['events', [sessionCall.events]],
    ['event', [sessionCall.events]],
  ];
  const sessionsOnly: [string, unknown[]][] = [
    ['events', [undefined, null, [], {}, 'x', Array.from({ length: 101 }, () => sessionCall.events[0])]],
    ['device.user_agent', ['', null, 'x'.repeat(2049), 1]],
    ['moment', [momentCall.moment]],
  ];
  const events: [string, unknown[]][] = [
    ['id', [undefined, null, 'session', 'session_started', 1]],
    ['start', [undefined, ...instants]],
    ['end', instants],
    ['x', [1]],
  ];

  // The body has no location or user, so this is their only field.
  const whole = { location: { lat: 1, lng: 1 } };

  it.each([...rows('moment', [...both, ...momentsOnly]), ...rows('session', [...both, ...sessionsOnly])])(
    'of a %s is rejected with %s as %j, with the field name, without calling Kiip',
    async (kind, path, value, pointer) => {
      const body = changed({ ...(kind === 'moment' ? momentCall : sessionCall), ...whole }, path, value);
      const response = await world[kind](body);
      const problem = (await response.json()) as { errors: { pointer: string; detail: string }[] };
      expect(response.status).toBe(400);
      expect(problem.errors.map((error) => error.pointer)).toContain(pointer);
      expect(seen()).toEqual([]);
    },
  );

  it.each(rows('session', events))(
    'of a %s is rejected with an event whose %s is %j',
    async (_, path, value, pointer) => {
      const bad = { ...sessionCall.events[0], [path]: value };
      const response = await world.session({ ...sessionCall, events: [sessionCall.events[0], bad] });
      const { errors } = (await response.json()) as { errors: { pointer: string }[] };
      expect(response.status).toBe(400);
      expect(errors.map((error) => error.pointer)).toContain(`/events/1${pointer}`);
      expect(seen()).toEqual([]);
    },
  );

  it.each([[[null]], [['x']], [[[]]], [[[sessionCall.events[0]]]]])(
    'is rejected with events %j',
    async (list) => {
      expect((await world.session({ ...sessionCall, events: list })).status).toBe(400);
      expect(seen()).toEqual([]);
    },
  );

  it('is rejected with an unknown field, with its name', async () => {
    const response = await world.moment({ ...momentCall, device: { ...momentCall.device, imei: '1' } });
    expect(await response.json()).toMatchObject({
      type: 'urn:rewards-gateway:problem:validation',
      errors: [{ pointer: '/device/imei', detail: 'imei is not an allowed property' }],
      retryable: false,
    });
  });

  it('is rejected with all errors at once', async () => {
    const { errors } = (await (await world.moment({})).json()) as { errors: { pointer: string }[] };
    expect(new Set(errors.map(({ pointer }) => pointer))).toEqual(
      new Set(['/app', '/connection', '/device', '/moment']),
    );
  });

  it.each<[string, unknown]>([
    ['connection.ip', '2001:db8::1'],
    ['connection.ip', '::ffff:203.0.113.7'],
    ['location', { lat: -90, lng: -180 }],
    ['location', { lat: 90, lng: 180 }],
    ['location', { lat: 0, lng: 0 }],
    ['user', {}],
    ['user', { age: 0 }],
    ['user', { gender: 'f' }],
    ['device.id', '45e6-4ce34c50-bf87-4b00-6eb1-0ab0d6147788'],
    ['device.id', 'x'],
    ['moment.id', 'default'],
    ['moment.id', '金'.repeat(256)],
    ['device.density', 2],
    ['email_address', 'user+tag@example.co.uk'],
  ])('is sent with %s as %j', async (path, value) => {
    expect((await world.moment(changed(momentCall, path, value))).status).toBe(200);
    expect(seen()).toHaveLength(1);
  });

  it.each(['/api/v1/kiip/moments', '/api/v1/kiip/sessions'])('to %s needs a credential', async (path) => {
    const response = await fetch(world.gateway.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect(response.status).toBe(401);
    expect(seen()).toEqual([]);
  });
});

describe('the response', () => {
  beforeAll(() => use());
  afterAll(() => world.close());
  beforeEach(() => world.kiip.reset());

  it('to a session has Kiip’s date in UTC', async () => {
    world.kiip.addFault({ route: 'session', kind: 'json', body: { date: '2015-01-28T01:32:24.697136' } });
    const response = await world.session();
    expect([response.status, await response.json()]).toEqual([200, { date: '2015-01-28T01:32:24.697136Z' }]);
  });

  it('to a rewarded moment has the reward', async () => {
    const response = await world.moment();
    const [reward] = world.kiip.rewards();
    expect([response.status, await response.json()]).toEqual([
      200,
      {
        rewarded: true,
        date: `${reward!.date}Z`,
        reward: {
          id: reward!.view_id,
          name: '20 Coins',
          image_url: `${world.kiip.url}/reward/image.svg`,
          title: 'Loading your Kiip Reward:',
          message: '20 Coins',
          timeout_seconds: 10,
          display_url: reward!.body_url,
          email_bounced: false,
          used_date: null,
        },
      },
    ]);
  });

  it('to a rewarded moment has the reward when Kiip sends no notification', async () => {
    world.kiip.configure({ notification: false });
    expect(await (await world.moment()).json()).toMatchObject({
      rewarded: true,
      reward: { name: null, image_url: null },
    });
  });

  it.each<[KiipSettings['noReward'], unknown]>([
    ['date', expect.stringMatching(/^\d{4}-.*Z$/)],
    ['null-view', expect.stringMatching(/^\d{4}-.*Z$/)],
    ['empty-object', null],
    ['empty-body', null],
    ['no-content', null],
  ])('to a moment that Kiip does not reward, with %s, has no reward', async (noReward, date) => {
    world.kiip.configure({ momentRule: 'never', noReward });
    const response = await world.moment();
    expect([response.status, await response.json()]).toEqual([200, { rewarded: false, date, reward: null }]);
  });

  it.each<KiipSettings['bodyUrl']>(['empty', 'missing'])(
    'to a moment whose page is %s has no reward',
    async (bodyUrl) => {
      world.kiip.configure({ bodyUrl });
      expect(await (await world.moment()).json()).toMatchObject({ rewarded: false, reward: null });
    },
  );

  it.each<KiipSettings['bodyUrl']>(['http', 'foreign-host', 'script'])(
    'to a moment whose page is %s is 502 and does not repeat the page',
    async (bodyUrl) => {
      world.kiip.configure({ bodyUrl });
      const response = await world.moment();
      const text = await response.text();
      expect(response.status).toBe(502);
      expect(text).toContain('urn:rewards-gateway:problem:upstream-failed');
      expect(text + JSON.stringify(world.gateway.log)).not.toContain(world.kiip.rewards()[0]!.body_url!);
      expect(seen()).toHaveLength(1);
    },
  );
});

describe('a failure of Kiip', () => {
  beforeAll(() => use());
  afterAll(() => world.close());
  beforeEach(() => world.kiip.reset());
  // More successful calls than the test made keep the circuit breakers closed.
  afterEach(async () => {
    const calls = seen().length;
    world.kiip.reset();
    for (let call = 0; call <= calls; call += 1) {
      const responses = await Promise.all([world.moment(), world.session()]);
      if (!responses.every(({ ok }) => ok))
        throw new Error('a call without a fault has failed: a circuit breaker may be open');
    }
  });

  const error = { error: 'no such app: secret-detail' };

  it.each([200, 201, 400, 401, 403, 404, 500, 501])(
    'with {"error"} at status %i is answered 502 and logged once, without its text',
    async (status) => {
      world.kiip.addFault({ kind: 'status', status, body: error });
      for (const kind of ['moment', 'session'] as const) {
        world.kiip.clearRequests();
        const response = await world[kind]();
        const text = await response.text();
        expect(response.status).toBe(502);
        expect(JSON.parse(text)).toMatchObject({
          type: 'urn:rewards-gateway:problem:upstream-failed',
          upstream: 'kiip',
          retryable: false,
        });
        expect(text + JSON.stringify(world.gateway.log)).not.toContain('secret-detail');
        expect(seen()).toHaveLength(1);
      }
    },
  );

  it('is not assumed for {"error": null}', async () => {
    world.kiip.addFault({ kind: 'json', body: { error: null } });
    expect(await (await world.moment()).json()).toEqual({ rewarded: false, date: null, reward: null });
  });

  const unusable: [string, FaultRule][] = [
    ['HTML', { kind: 'html' }],
    ['truncated JSON', { kind: 'truncated' }],
    ['a body over 1 MiB', { kind: 'big-body' }],
    ['a list', { kind: 'json', body: [] }],
    ['null', { kind: 'json', body: null }],
    ['text', { kind: 'json', body: '"x"' }],
    ['a redirect', { kind: 'redirect', location: '/2.0/server/moment', status: 301 }],
    ['a redirect that keeps the method', { kind: 'redirect', location: '/2.0/server/moment', status: 308 }],
  ];

  it.each(unusable)('with %s is answered 502 after one request', async (_, fault) => {
    world.kiip.addFault(fault);
    expect(await problemOf(await world.moment())).toEqual([502, 'upstream-failed']);
    expect(await problemOf(await world.session())).toEqual([502, 'upstream-failed']);
    expect(seen()).toHaveLength(2);
  });

  it.each([{}, { date: null }, { date: '' }, { date: 1 }, { date: 'soon' }, { date: '2015-01-28' }])(
    'to send a valid session date, as %j, is answered 502',
    async (body) => {
      world.kiip.addFault({ kind: 'json', body });
      expect(await problemOf(await world.session())).toEqual([502, 'upstream-failed']);
    },
  );

  it.each<[string, FaultRule, number]>([
    ['a reset', { ...onMoments, kind: 'reset' }, 502],
    ['a reset within the body', { ...onMoments, kind: 'reset-after-headers' }, 502],
    ['a connection closed within the body', { ...onMoments, kind: 'cut-off' }, 502],
    ['status 408', { ...onMoments, kind: 'status', status: 408 }, 502],
    ['status 500', { ...onMoments, kind: 'status', status: 500 }, 502],
    ['status 502', { ...onMoments, kind: 'bad-gateway' }, 502],
    ['status 504', { ...onMoments, kind: 'status', status: 504 }, 502],
  ])('after which Kiip may have the moment, %s, is never retried', async (_, fault, status) => {
    world.kiip.addFault(fault);
    const response = await world.moment();
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ retryable: false });
    expect(seen()).toHaveLength(1);
  });
});

describe('a failure of Kiip that repeats', () => {
  beforeEach(() => use());
  afterEach(() => world.close());

  it.each<[number, FaultRule]>([
    [429, { kind: 'rate-limited', retryAfter: 7 }],
    [503, { kind: 'unavailable', retryAfter: 7 }],
  ])('with status %i is answered 503 with its Retry-After after one request', async (status, fault) => {
    world.kiip.addFault({ ...onMoments, ...fault });
    const response = await world.moment();
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7']);
    // A 429 proves that nothing was done; after a 503 the outcome is unknown.
    expect(await response.json()).toMatchObject({
      type: 'urn:rewards-gateway:problem:upstream-busy',
      retryable: status === 429,
      retry_after_seconds: 7,
    });
    expect(seen()).toHaveLength(1);
    // After the second such response in a row, no other moment is sent either.
    expect((await world.moment()).status).toBe(503);
    const held = await world.moment();
    expect(held.status).toBe(503);
    expect(await held.json()).toMatchObject({ retryable: true });
    expect((await world.session()).status).toBe(200);
    expect(seen().map(({ route }) => route)).toEqual(['moment', 'moment', 'session']);
  });

  it('opens the circuit breaker of moments only', async () => {
    world.kiip.addFault({ ...onMoments, kind: 'status', status: 500 });
    for (let call = 0; call < 3; call += 1) await world.moment();
    const response = await world.moment();
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ retryable: true });
    expect(seen()).toHaveLength(3);
    expect((await world.session()).status).toBe(200);
  });
});

describe('the time limit of a moment', () => {
  afterEach(() => world.close());

  it.each<[string, FaultRule]>([
    ['never answers', { ...onMoments, kind: 'hang' }],
    ['sends headers and no body', { ...onMoments, kind: 'slow-body', delayMs: 60_000 }],
    ['sends its body for ever', { ...onMoments, kind: 'dribble', delayMs: 60, chunkBytes: 1 }],
  ])('ends a call with 504 after one request when Kiip %s', async (_, fault) => {
    await use({ KIIP_TIMEOUT_MS: '1000', UPSTREAM_DEADLINE_MS: '2000' });
    world.kiip.addFault(fault);
    const response = await world.moment();
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({
      type: 'urn:rewards-gateway:problem:upstream-timeout',
      upstream: 'kiip',
      retryable: false,
    });
    expect(seen()).toHaveLength(1);
  });
});

describe('the log', () => {
  it('contains no personal data, whatever the outcome of a call', async () => {
    await use({ LOG_LEVEL: 'trace' });
    const personal = {
      ...momentCall,
      connection: { ip: '198.51.100.77' },
      email_address: 'private.person@example.com',
      location: { lat: 12.345678, lng: 98.765432 },
    };
    await world.moment(personal);
    await world.moment({ ...personal, email_address: 'private.person' });
    await world.moment({ ...personal, user: { userid: 'private-user-1' } }, 'private-key-1');
    world.kiip.addFault({ kind: 'status', status: 500, body: personal });
    await world.moment(personal);
    await world.kiip.close();
    await world.moment(personal);
    const log = JSON.stringify(world.gateway.log);
    expect(world.gateway.log.filter(({ msg }) => msg === 'request')).toHaveLength(5);
    expect(log).not.toMatch(/private|198\.51\.100\.77|12\.345678|98\.765432|45e3-1d799e20|test_app_secret/);
    await world.gateway.close();
  });
});
