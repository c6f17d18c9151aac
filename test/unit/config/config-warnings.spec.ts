import { configWarnings } from '../../../src/config/config-warnings.js';
import { read } from '../../support/config.js';

describe('a configuration that lets everybody call', () => {
  it('is warned of', () => {
    const warnings = configWarnings(read({ API_KEYS: undefined, CALLER_AUTH: 'none' }));
    expect(warnings.filter((text) => text.startsWith('CALLER_AUTH is none'))).toHaveLength(1);
    expect(configWarnings(read()).filter((text) => text.includes('CALLER_AUTH'))).toEqual([]);
  });
});
