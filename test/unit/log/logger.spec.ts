import { NestLogger, createLogger } from '../../../src/log/logger.js';
import { requestContext } from '../../../src/log/request-context.js';

function startLog(level = 'trace') {
  const lines: string[] = [];
  const logger = createLogger(level, { write: (line) => void lines.push(line) });
  return { logger, nest: new NestLogger(logger), lines };
}

function parsed(lines: string[]): unknown[] {
  return lines.map((line) => JSON.parse(line) as unknown);
}

describe('the log', () => {
  it('has one JSON object per line for any content', () => {
    const { logger, nest, lines } = startLog();
    const hostile = 'a\r\n{"level":"fatal"}\u2028\u0085\u001B[2J\ud800"';
    logger.info({ msg: hostile });
    nest.warn({ msg: 'x', [hostile]: hostile }, 'Context');

    for (const line of lines) expect(line).toMatch(/^\{[^\n\r]*\}\n$/);
    expect(parsed(lines)).toMatchObject([
      { level: 'info', msg: hostile },
      { level: 'warn', msg: 'x', context: 'Context' },
    ]);
  });

  it('has the id of the request that the code serves', async () => {
    const { logger, lines } = startLog();
    await requestContext.run({ requestId: 'r1' }, async () => {
      await Promise.resolve();
      logger.info({ msg: 'inside' });
    });
    logger.info({ msg: 'outside' });

    expect(parsed(lines)).toEqual([
      expect.objectContaining({ msg: 'inside', requestId: 'r1' }),
      expect.not.objectContaining({ requestId: expect.anything() }),
    ]);
  });

  it('has the name of an error that Nest logs, without its message and stack', () => {
    const { nest, lines } = startLog();
    const error = new RangeError('canary');
    nest.error(error, error.stack, 'Context');
    nest.error('what failed', error.stack, 'Context');

    expect(parsed(lines)).toMatchObject([
      { level: 'error', msg: 'RangeError', context: 'Context' },
      { level: 'error', msg: 'what failed', context: 'Context' },
    ]);
    expect(lines.join('')).not.toMatch(/canary| at /);
  });

  it('has only the allowed fields, as strings, numbers and booleans', () => {
    const { logger, nest, lines } = startLog();
    const secret = { authorization: 'canary' };
    logger.warn({
      msg: 'x',
      status: 503,
      headers: secret,
      config: 'canary',
      reason: secret,
      token: 'canary',
    });
    nest.error({ msg: 'y', reason: ['canary'], body: 'canary', consumer: 'wallet', canary: true }, 'Context');

    expect(lines.join('')).not.toContain('canary');
    expect(parsed(lines)).toEqual([
      { level: 'warn', time: expect.any(String), msg: 'x', status: 503 },
      { level: 'error', time: expect.any(String), msg: 'y', context: 'Context', consumer: 'wallet' },
    ]);
  });

  it.each([
    ['info', ['info', 'warn', 'error']],
    ['error', ['error']],
    ['silent', []],
    ['trace', ['trace', 'debug', 'info', 'warn', 'error']],
  ])('with level %s has lines of the levels %j', (level, expected) => {
    const { nest, lines } = startLog(level);
    nest.verbose('a', 'X');
    nest.debug('a', 'X');
    nest.log('a', 'X');
    nest.warn('a', 'X');
    nest.error('a', 'X');

    expect(parsed(lines).map((line) => (line as { level: string }).level)).toEqual(expected);
  });

  it('has the start-up lines of Nest about modules and routes at level debug', () => {
    const { nest, lines } = startLog();
    nest.log('a', 'RouterExplorer');
    nest.log('a', 'NestFactory');

    expect(parsed(lines)).toMatchObject([{ level: 'debug' }, { level: 'info' }]);
  });
});
