import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mock } from 'node:test';
import { Logger } from '@nestjs/common';
import { RedisStore } from '../../../src/cache/redis-store.js';
import type { AxiosInterceptor } from '../../../src/upstream/axios-interceptor.js';
import { BreakerRegistry } from '../../../src/upstream/breaker-registry.js';
import { RetryBudgetService } from '../../../src/upstream/retry-budget.service.js';
import { RetryInterceptor } from '../../../src/upstream/retry.interceptor.js';
import { UpstreamError } from '../../../src/upstream/upstream-error.js';
import { UpstreamHttp } from '../../../src/upstream/upstream-http.js';
import { read } from '../../support/config.js';

describe('UpstreamHttp', () => {
  let server: Server;
  let statuses: number[];
  let requests: number;
  let breakers: BreakerRegistry;
  let http: UpstreamHttp;
  let steps: string[];

  /** Records when it runs, and whether the deadline is set by then. */
  const recorder = (name: string): AxiosInterceptor => ({
    install: (client) => {
      client.interceptors.request.use((config) => {
        steps.push(`${name} request${config.deadlineAt > performance.now() ? '' : ' without a deadline'}`);
        return config;
      });
      client.interceptors.response.use(
        (response) => {
          steps.push(`${name} response`);
          return response;
        },
        (error: Error) => {
          steps.push(`${name} ${error.name}`);
          throw error;
        },
      );
    },
  });

  beforeAll(() => Logger.overrideLogger(false));

  beforeEach(async () => {
    [steps, statuses, requests] = [[], [], 0];
    server = createServer((_request, response) => {
      requests += 1;
      response.writeHead(statuses.shift() ?? 200).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    breakers = new BreakerRegistry();
    http = new UpstreamHttp({
      breakers,
      upstream: 'kigo',
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      timeoutMs: 5_000,
      deadlineMs: 5_000,
      operations: [],
      concurrency: 1,
      queue: 1,
      interceptors: [
        recorder('inner'),
        new RetryInterceptor(breakers, new RetryBudgetService(breakers, new RedisStore(), read())),
        recorder('outer'),
      ],
    });
  });

  afterEach(async () => {
    await http.onApplicationShutdown();
    server.close();
  });

  it('passes requests from the last interceptor to the first, and responses from the first to the last', async () => {
    await http.axiosRef.get('/');
    expect(steps).toEqual(['outer request', 'inner request', 'inner response', 'outer response']);
  });

  it('sends a retry through all interceptors again, and fails it at the inner ones first', async () => {
    statuses = [500];
    await http.axiosRef.get('/');
    expect(steps).toEqual([
      'outer request',
      'inner request',
      'inner AxiosError',
      // The retry, whose response then becomes that of the first attempt.
      'outer request',
      'inner request',
      'inner response',
      'outer response',
      'outer response',
    ]);
  });

  it('sends nothing when no time is left', async () => {
    const call = http.axiosRef.get('/', { deadlineAt: performance.now() });
    await expect(call).rejects.toMatchObject({ failure: 'timeout', neverSent: true });
    expect(requests).toBe(0);
  });

  it('waits for the end of a block, and no longer than its caller', async () => {
    breakers.for('kigo', 'call').block(600);
    const caller = new AbortController();
    const startedAt = performance.now();
    const call = http.axiosRef.get('/', { signal: caller.signal });
    setTimeout(() => caller.abort(), 20);
    await expect(call).rejects.toThrow('canceled');
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(requests).toBe(0);
    await http.axiosRef.get('/');
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(595);
  });

  it('does not wait for the end of a block that its deadline may not reach', async () => {
    const { mock: random } = mock.method(Math, 'random', () => 0.9);
    try {
      breakers.for('kigo', 'call').block(300);
      const call = http.axiosRef.get('/', { deadlineAt: performance.now() + 350 });
      await expect(call).rejects.toMatchObject({ failure: 'busy', rejectedLocally: true });
    } finally {
      random.restore();
    }
  });

  it('ends every failure as an UpstreamError, outside all interceptors', async () => {
    statuses = [400];
    await expect(http.axiosRef.get('/')).rejects.toBeInstanceOf(UpstreamError);
    expect(steps.slice(-2)).toEqual(['inner AxiosError', 'outer AxiosError']);
  });
});
