import { configErrors, configErrorsOf, consumers } from '../../support/config.js';

const store = {
  DATABASE_URL: 'postgres://127.0.0.1/db',
  DELIVERY_CONSUMERS: consumers({ secrets: [`whsec_${'a'.repeat(32)}`] }),
};
const serving = ['KIGO_BASE_URL', 'KIGO_PARTNER_ID', 'KIGO_API_KEY', 'KIIP_APP_KEY', 'KIIP_APP_SECRETS'];

describe('a role', () => {
  it('asks for the secrets that it uses: a worker for those of its store and its consumers alone', () => {
    expect(configErrorsOf({ ROLE: 'worker', ...store })).toEqual([]);
    expect(configErrorsOf({ ROLE: 'worker', CALLER_AUTH: 'jwt', ...store })).toEqual([]);
    expect(configErrorsOf({ ROLE: 'worker' })).toEqual([
      expect.stringMatching(/^DATABASE_URL is required/),
      'DELIVERY_CONSUMERS is required when ROLE is worker',
    ]);
    for (const role of ['api', 'all'])
      expect(configErrorsOf({ ROLE: role, ...store })).toEqual([
        ...serving.map((name) => `${name} is required`),
        expect.stringMatching(/^API_KEYS is required/),
      ]);
  });

  it('still refuses what is given and invalid', () => {
    expect(
      configErrorsOf({ ROLE: 'worker', ...store, KIGO_BASE_URL: 'kigo', API_KEYS: 'lonely' }),
    ).toHaveLength(2);
  });
});

const redis = (url: string, env = {}) => configErrors({ REDIS_URL: url, ...env });
const database = (url: string, env = {}) => configErrors({ DATABASE_URL: url, ...env });

describe('a store on another host', () => {
  it.each(['redis://redis', 'redis://user:word@10.0.0.7:6379/1', 'redis://[2001:db8::1]'])(
    'is refused without TLS: %s',
    (url) => {
      expect(redis(url)).toEqual([expect.stringMatching(/^REDIS_URL must use rediss:/)]);
      expect(redis(url.replace('redis:', 'rediss:'))).toEqual([]);
      expect(redis(url, { ALLOW_INSECURE_STORES: 'true' })).toEqual([]);
    },
  );

  it('is refused without TLS behind Sentinels, wherever these are', () => {
    const [sentinels, tls] = ['redis://127.0.0.1:26379', 'rediss://sentinel.example'];
    expect(redis('redis://localhost', { REDIS_SENTINELS: sentinels })).toEqual([
      expect.stringMatching(/^REDIS_URL must use rediss:/),
    ]);
    expect(redis('rediss://mymaster', { REDIS_SENTINELS: `${sentinels},${tls}` })).toEqual([]);
    expect(redis('rediss://mymaster', { REDIS_SENTINELS: `${tls},redis://sentinel` })).toEqual([
      expect.stringMatching(/^REDIS_SENTINELS must use rediss:/),
    ]);
    expect(configErrors({ REDIS_SENTINELS: tls, REDIS_URL: undefined })).toEqual([
      'REDIS_URL is required with REDIS_SENTINELS: its host is the name of the master',
    ]);
  });

  it.each([
    'postgres://db.example/gateway',
    'postgresql://user:word@10.0.0.7:5432/gateway?application_name=x',
    'postgres://db.example/gateway?sslmode=disable',
    'postgres://db.example/gateway?sslmode=prefer',
    'postgres://db.example/gateway?ssl=false',
    'postgres:///gateway?host=db.example',
    'postgres://127.0.0.1/gateway?host=db.example',
  ])('is refused without TLS: %s', (url) => {
    expect(database(url)).toEqual([expect.stringMatching(/^DATABASE_URL must have sslmode=verify-full/)]);
    expect(database(url, { ALLOW_INSECURE_STORES: 'true' })).toEqual([]);
    const encrypted = new URL(url);
    encrypted.searchParams.set('sslmode', 'verify-full');
    expect(database(encrypted.href)).toEqual([]);
  });

  it('is none on loopback or behind a socket', () => {
    for (const url of ['redis://localhost', 'redis://127.0.0.1:6380', 'redis://[::1]'])
      expect(redis(url)).toEqual([]);
    for (const url of [
      'postgres://localhost/db',
      'postgres://[::1]/db',
      'postgresql:///db?host=/run',
      'postgres:///db',
    ])
      expect(database(url)).toEqual([]);
  });
});

const errors = (...list: object[]) => configErrors({ DELIVERY_CONSUMERS: consumers(...list) });

describe('a consumer with plain http on another host', () => {
  const url = 'http://wallet.shop.svc:8080/events';

  it('is accepted by a flag of its own, which opens neither the vendors nor other consumers', () => {
    const refused = [expect.stringMatching(/^DELIVERY_CONSUMERS must use https:/)];
    expect(errors({ url })).toEqual(refused);
    expect(errors({ url, allow_insecure: false })).toEqual(refused);
    expect(errors({ url, allow_insecure: true })).toEqual([]);
    expect(errors({ url, allow_insecure: true }, { url, name: 'other' })).toEqual(refused);
    expect(errors({ url, allow_insecure: 'yes' })).toEqual([
      'DELIVERY_CONSUMERS the "allow_insecure" of a consumer must be true or false',
    ]);
    expect(
      configErrors({
        DELIVERY_CONSUMERS: consumers({ url, allow_insecure: true }),
        KIGO_BASE_URL: 'http://kigo.example',
      }).filter((error) => error.startsWith('KIGO_BASE_URL must use https:')),
    ).toHaveLength(1);
  });
});
