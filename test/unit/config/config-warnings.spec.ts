import { configWarnings } from '../../../src/config/config-warnings.js';
import { consumers, read } from '../../support/config.js';

describe('a configuration that lets everybody call', () => {
  it('is warned of', () => {
    const warnings = configWarnings(read({ API_KEYS: undefined, CALLER_AUTH: 'none' }));
    expect(warnings.filter((text) => text.startsWith('CALLER_AUTH is none'))).toHaveLength(1);
    expect(configWarnings(read()).filter((text) => text.includes('CALLER_AUTH'))).toEqual([]);
  });
});

describe('a configuration that lets nobody decide', () => {
  it.each([
    [{ CALLER_SCOPES: undefined }, 1],
    [{ CALLER_SCOPES: '{"shop":["ledger:read"]}' }, 1],
    [{ CALLER_SCOPES: '{"shop":["ledger:read"],"operations":["ledger:decide"]}' }, 0],
    [{ CALLER_SCOPES: undefined, ROLE: 'worker', DELIVERY_CONSUMERS: consumers({}) }, 0],
  ])('is warned of: %j', (env, count) => {
    const warnings = configWarnings(read(env)).filter((text) =>
      text.startsWith('CALLER_SCOPES gives nobody'),
    );
    expect(warnings).toHaveLength(count);
  });
});
