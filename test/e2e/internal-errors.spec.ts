import type { Logger } from 'pino';
import { createApp } from '../../src/app.js';
import type { Config } from '../../src/config/config.js';
import { canary, paths, requestId, setupLeakDetection, credentials } from '../support/leak-detection.js';
import { problemIn } from '../support/problem.js';

const world = setupLeakDetection({ perTest: false, create: createFaultyApp });

/** The real app, in which a request header says where JavaScript throws. */
async function createFaultyApp(config: Config, logger: Logger) {
  const app = await createApp(config, logger);
  const instance = app.getHttpAdapter().getInstance();
  instance.addHook('onRequest', (request, _, done) => {
    if (request.headers['x-fault'] === 'hook') readFromNothing();
    // Nest reads the query for the controller's parameters.
    if (request.headers['x-fault'] === 'query')
      Object.defineProperty(request, 'query', { get: readFromNothing });
    done();
  });
  instance.addHook('preHandler', async ({ headers }) => {
    const fault = headers['x-fault'];
    if (fault === 'async hook') readFromNothing();
    if (fault === 'error with a stack')
      throw new Error(`${canary}\n    at ${canary} (/srv/${canary}.js:1:1)`);
    if (fault === 'error with a code')
      throw Object.assign(new Error(canary), { code: canary, cause: canary });
    if (fault === 'error with a status') throw Object.assign(new Error(canary), { statusCode: 42 });
  });
  return app;
}

function readFromNothing(): void {
  (undefined as unknown as Record<string, () => void>)[canary]!();
}

describe('an unexpected error', () => {
  it.each([
    ['query', 'TypeError'],
    ['hook', 'TypeError'],
    ['async hook', 'TypeError'],
    ['error with a stack', 'Error'],
    ['error with a code', 'Error'],
    ['error with a status', 'Error'],
  ])('gets a 500 without details, and a log line with its location: %s', async (fault, name) => {
    // With this header, the controller answers and not the hook for counts in memory.
    const byController = { 'cache-control': 'max-age=3600' };
    const response = await world.get(paths.badge, { ...credentials, ...byController, 'x-fault': fault });

    expect(problemIn(response)).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail: 'Internal error. Quote this request ID to the operator.',
      instance: requestId,
    });
    expect(world.gateway.log).toContainEqual(
      expect.objectContaining({
        level: 'error',
        msg: 'unexpected error',
        error: name,
        at: expect.stringMatching(/^[\w.-]+:\d+:\d+$/),
        requestId,
      }),
    );
    world.expectLinesOf(requestId);
    expect((await world.get(paths.badge)).status).not.toBe(500);
  });
});
