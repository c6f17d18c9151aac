import { readFileSync } from 'node:fs';
import { KIGO_DEFAULTS, KIIP_DEFAULTS } from '@rewards-gateway/sandbox';
import { configErrors, consumers } from '../../support/config.js';
import { demonstrationSecrets } from '../../support/demonstration.js';

const vendors = { KIGO_BASE_URL: 'https://kigo.example', KIIP_BASE_URL: 'https://kiip.example' };
const webhookSecret = (bytes: number) => `whsec_${Buffer.alloc(bytes, 'k').toString('base64')}`;
const strong: Record<string, string> = {
  KIGO_API_KEY: 'k',
  KIIP_APP_KEY: 'k',
  KIIP_APP_SECRETS: 's'.repeat(16),
  API_KEYS: `app:${'k'.repeat(16)}`,
  DELIVERY_CONSUMERS: consumers({ secrets: [webhookSecret(24)] }),
};
/** The first variable that is refused beside strong values of all others. */
const refusal = (env: Record<string, string>, at: object = vendors) =>
  configErrors({ ...strong, ...at, ...env }).map((error) => error.split(' (')[0]);

const short: [string, string, string][] = [
  ['KIIP_APP_SECRETS', 's', '16 characters'],
  ['KIIP_APP_SECRETS', 's'.repeat(15), '16 characters'],
  ['KIIP_APP_SECRETS', `${'s'.repeat(40)},x`, '16 characters'],
  ['API_KEYS', 'app:k', '16 characters'],
  ['API_KEYS', `app:${'k'.repeat(15)}`, '16 characters'],
  ['API_KEYS', `app:${'k'.repeat(40)},other:x`, '16 characters'],
  ['DELIVERY_CONSUMERS', consumers({ secrets: [webhookSecret(1)] }), '24 bytes'],
  ['DELIVERY_CONSUMERS', consumers({ secrets: [webhookSecret(40), webhookSecret(23)] }), '24 bytes'],
];

const published: [string, string][] = [
  ['KIGO_API_KEY', demonstrationSecrets.KIGO_API_KEY!],
  ['KIIP_APP_KEY', demonstrationSecrets.KIIP_APP_KEY],
  ['KIIP_APP_SECRETS', demonstrationSecrets.KIIP_APP_SECRETS],
  ['KIIP_APP_SECRETS', `${'s'.repeat(40)}\n${KIIP_DEFAULTS.previousAppSecret}`],
  ['API_KEYS', demonstrationSecrets.API_KEYS],
  ['API_KEYS', demonstrationSecrets.API_KEYS.replace('demo:', 'shop:')],
];

it('CONSOLE_SANDBOX is refused while a vendor is not on loopback', () => {
  const origin = 'http://127.0.0.1:3001';
  const CONSOLE_SANDBOX = JSON.stringify({ kigo: origin, kiip: origin, wallet: origin });
  expect(refusal({ CONSOLE_SANDBOX })).toEqual([
    'CONSOLE_SANDBOX is for the sandbox alone: unset it, since a vendor is not on loopback',
  ]);
  expect(refusal({ CONSOLE_SANDBOX }, { KIGO_BASE_URL: origin, KIIP_BASE_URL: origin })).toEqual([]);
});

describe('a secret that can be guessed', () => {
  it.each(short)('is refused in %s: %s', (name, value, minimum) => {
    expect(refusal({ [name]: value })).toEqual([`${name} must not contain a secret of less than ${minimum}`]);
  });

  it('is named with its consumer, and how to make another', () => {
    const second = { name: 'other', secrets: [webhookSecret(23)] };
    expect(
      configErrors({
        ...strong,
        ...vendors,
        DELIVERY_CONSUMERS: consumers({ secrets: [webhookSecret(24)] }, second),
      }),
    ).toEqual([
      expect.stringContaining('(consumer other: echo "whsec_$(openssl rand -base64 32)" prints a new one;'),
    ]);
  });

  it('is one of less characters than the shortest that is accepted', () => {
    expect(refusal({})).toEqual([]);
  });
});

describe('a secret that is published', () => {
  it.each(published)('is refused in %s: %s', (name, value) => {
    expect(refusal({ [name]: value })).toEqual([`${name} must not contain a published secret`]);
  });

  it('is every one of the sandbox, compose.yaml and the README', () => {
    const texts = ['README.md', 'compose.yaml'].map((file) =>
      readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8'),
    );
    const given = texts.flatMap((text) =>
      [...text.matchAll(/^ *(KIGO_API_KEY|KIIP_APP_KEY|KIIP_APP_SECRETS|API_KEYS)[=:] ?(\S+)$/gm)].map(
        ([, name, value]): [string, string] => [name!, value!],
      ),
    );
    expect(given).toHaveLength(8);
    for (const [name, value] of given)
      expect(refusal({ [name]: value })).toEqual([`${name} must not contain a published secret`]);
    for (const key of KIGO_DEFAULTS.apiKeys) expect(refusal({ KIGO_API_KEY: key })).toHaveLength(1);
  });
});

describe('a weak secret', () => {
  const weak = [...short.map(([name, value]): [string, string] => [name, value]), ...published];

  it('is accepted while every vendor is on loopback, and refused when one is not', () => {
    const loopback = { KIGO_BASE_URL: 'http://127.0.0.1:3001', KIIP_BASE_URL: 'http://localhost:3002' };
    for (const [name, value] of weak) {
      expect([name, refusal({ [name]: value }, loopback)]).toEqual([name, []]);
      for (const [vendor, url] of Object.entries(vendors))
        expect([name, refusal({ [name]: value }, { ...loopback, [vendor]: url }).length]).toEqual([name, 1]);
    }
  });
});
