import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mock } from 'node:test';
import { Logger } from '@nestjs/common';
import type { AxiosRequestConfig } from 'axios';
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
  let requests: string[];
  let breakers: BreakerRegistry;
  let http: UpstreamHttp;
  let steps: string[];
  const call = (options: AxiosRequestConfig = {}) => http.axiosRef.request({ url: '/call', ...options });

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
    [steps, statuses, requests] = [[], [], []];
    server = createServer(({ method, url }, response) => {
      requests.push(`${method} ${url}`);
      response.writeHead(statuses.shift() ?? 200).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    breakers = new BreakerRegistry();
    http = new UpstreamHttp({
      breakers,
      upstream: 'kigo',
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`,
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

  it('appends the path of a call to that of the base URL, also by the other methods of axios', async () => {
    await call({ method: 'POST', url: '/call?a=%20b' });
    await http.axiosRef.get('/call');
    expect(requests).toEqual(['POST /base/call?a=%20b', 'GET /base/call']);
  });

  it('passes requests from the last interceptor to the first, and responses from the first to the last', async () => {
    await call();
    expect(steps).toEqual(['outer request', 'inner request', 'inner response', 'outer response']);
  });

  it('sends a retry through all interceptors again, and fails it at the inner ones first', async () => {
    statuses = [500];
    await call();
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
    const pending = call({ deadlineAt: performance.now() });
    await expect(pending).rejects.toMatchObject({ failure: 'timeout', neverSent: true });
    expect(requests).toEqual([]);
  });

  it('waits for the end of a block, and no longer than its caller', async () => {
    breakers.for('kigo', 'call').block(600);
    const caller = new AbortController();
    const startedAt = performance.now();
    const pending = call({ signal: caller.signal });
    setTimeout(() => caller.abort(), 20);
    await expect(pending).rejects.toThrow('aborted');
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(requests).toEqual([]);
    await call();
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(595);
  });

  it('does not wait for the end of a block that its deadline may not reach', async () => {
    const { mock: random } = mock.method(Math, 'random', () => 0.9);
    try {
      breakers.for('kigo', 'call').block(300);
      const pending = call({ deadlineAt: performance.now() + 350 });
      await expect(pending).rejects.toMatchObject({ failure: 'busy', rejectedLocally: true });
    } finally {
      random.restore();
    }
  });

  it('ends every failure as an UpstreamError, outside all interceptors', async () => {
    statuses = [400];
    await expect(call()).rejects.toBeInstanceOf(UpstreamError);
    expect(steps.slice(-2)).toEqual(['inner AxiosError', 'outer AxiosError']);
  });
});
