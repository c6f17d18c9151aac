import { misspeltWarnings } from '../../../src/config/config-warnings.js';
import { configErrors, envs } from '../../support/config.js';

/** Written down here, not read from the program: without one of these somebody may do more than was meant. */
const protecting: Record<string, string> = {
  CALLER_SCOPES: '{"shop":[]}',
  KIIP_UNKNOWN_USERS: 'quarantine',
  KIIP_USER_REFERENCE: 'opaque',
  KIIP_CURRENCIES: '{}',
  KIIP_REWARD_HOSTS: 'kiip.me',
  CALLBACK_PORT: '81',
  MANAGEMENT_PORT: '82',
  RATE_LIMIT_PER_MINUTE: '1',
  CALLBACK_RATE_LIMIT_PER_MINUTE: '1',
  FAILED_CREDENTIALS_PER_MINUTE: '1',
  TRUSTED_PROXY_HOPS: '1',
};
/** A variable is left out and given under each of these names instead. */
const misspellings = (name: string) => [
  name.slice(0, -1),
  `${name}S`,
  name.replace('_', ''),
  name.replaceAll('_', '-'),
  name.toLowerCase(),
  `${name}_FILE`,
  name.slice(0, 2) + name.slice(3),
  `${name.slice(0, 3)}X${name.slice(4)}`,
  `${name.slice(0, 2)}${name[3]}${name[2]}${name.slice(4)}`,
];

describe('a misspelt variable', () => {
  it.each(Object.entries(protecting))('stops the start when it leaves something open: %s', (name, value) => {
    for (const misspelt of misspellings(name).filter((other) => other !== name))
      expect([misspelt, configErrors({ [name]: undefined, [misspelt]: value })]).toEqual([
        misspelt,
        [`${misspelt} is not a variable of this service: ${name} is, and is not set`],
      ]);
  });

  it.each(envs(({ env }) => env.length > 6))('is warned of when the right one is set as well: %s', (name) => {
    for (const misspelt of misspellings(name).filter((other) => !envs(() => true).includes(other))) {
      const warnings = misspeltWarnings({ [name]: 'a', [misspelt]: 'canary' });
      // The file of a secret is a variable of its own.
      const isFile = misspelt.endsWith('_FILE') && envs(({ secret }) => secret).includes(name);
      expect([misspelt, warnings.length]).toEqual([misspelt, isFile ? 0 : 1]);
      expect(warnings.join()).not.toContain('canary');
    }
  });

  it('is one with a prefix of ours that is near to nothing', () => {
    for (const name of ['KIGO_PARTNER', 'KIIP_SECRET_KEY', 'CALLER_PERMISSIONS', 'JWT_KEY', 'DELIVERY_URL'])
      expect(misspeltWarnings({ [name]: 'x' })).toEqual([
        `${name} is not a variable of this service: nobody reads it.`,
      ]);
  });

  it('is none of the names that are read in lower case as well', () => {
    const proxies = { http_proxy: 'http://proxy', https_proxy: 'http://proxy', no_proxy: '.internal' };
    expect(misspeltWarnings(proxies)).toEqual([]);
  });

  it('is told where the right one is required, and stops no start that does not need it', () => {
    for (const [name, misspelt, needed] of [
      ['API_KEYS', 'API_KEY', {}],
      ['JWT_AUDIENCE', 'JWT_AUDIENCES', { CALLER_AUTH: 'jwt' }],
      ['KIIP_APP_SECRETS', 'KIIP_APP_SECRET', {}],
    ] as const)
      expect(configErrors({ ...needed, [name]: undefined, [misspelt]: 'a' })).toContain(
        `${misspelt} is not a variable of this service: ${name} is, and is not set`,
      );
    expect(configErrors({ CALLER_AUTH: 'none', API_KEYS: undefined, API_KEY: 'of another program' })).toEqual(
      [],
    );
    expect(configErrors({ JWT_ISSUERS: 'of another program' })).toEqual([]);
  });

  it('is none of what a shell, npm, Kubernetes or Docker sets', () => {
    const others = {
      HOME: '/root',
      HOSTNAME: 'pod-1',
      PATH: '/bin',
      PWD: '/',
      SHELL: '/bin/sh',
      LANG: 'C.UTF-8',
      NODE_ENV: 'production',
      NODE_OPTIONS: '--max-old-space-size=512',
      npm_config_cache: '/home/node/.npm',
      npm_package_name: 'rewards-gateway',
      INIT_CWD: '/',
      KUBERNETES_SERVICE_HOST: '10.0.0.1',
      KUBERNETES_PORT_443_TCP: 'tcp://10.0.0.1:443',
      REDIS_SERVICE_HOST: '10.0.0.2',
      REDIS_PORT: 'tcp://10.0.0.2:6379',
      REDIS_PORT_6379_TCP_ADDR: '10.0.0.2',
      KIGO_SERVICE_PORT_HTTP: '80',
      OTEL_SERVICE_NAME: 'gateway',
      HTTPS_PROXY: 'http://proxy',
      PGSSLMODE: 'require',
      TEST_SCALE: '1',
      SANDBOX_HOST: '127.0.0.1',
      CALLER_SCOPE: '',
      // Of a service whose name is near to one of ours.
      CALLBACKS_PORT: 'tcp://10.0.0.3:8080',
      CALLBACKS_PORT_8080_TCP: 'tcp://10.0.0.3:8080',
      MANAGEMENTS_PORT: 'udp://10.0.0.4:53',
    };
    expect(misspeltWarnings(others)).toEqual([]);
    expect(configErrors(others)).toEqual([]);
  });
});
