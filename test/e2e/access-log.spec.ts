import { paths, requestId, useCanaryWorld } from '../support/canary-world.js';

const world = useCanaryWorld({ perTest: false });

describe('the log', () => {
  it('has one line a request: route template, status, duration, caller and request id, and nothing else', async () => {
    await world.get(paths.badge);
    expect(world.requestLines()).toEqual([
      {
        level: 'info',
        time: expect.any(String) as string,
        requestId,
        msg: 'request',
        method: 'GET',
        route: '/api/user/unviewed-count',
        status: 200,
        durationMs: expect.any(Number) as number,
        caller: 'tester',
      },
    ]);
  });

  it('names no route where there is none, and no caller where nobody has proven who he is', async () => {
    await world.get('/nothing/canary', {});
    await world.get(paths.summary, {});
    expect(world.requestLines()).toEqual([
      expect.not.objectContaining({ route: expect.anything() as unknown }),
      expect.objectContaining({ route: '/api/v1/accounts/:account_id/hub-summary', status: 401 }),
    ]);
    for (const line of world.requestLines()) expect(line).not.toHaveProperty('caller');
  });
});
