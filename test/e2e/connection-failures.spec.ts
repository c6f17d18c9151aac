import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { RedisStore } from '../../src/cache/redis-store.js';
import { KiipHttp } from '../../src/kiip/kiip-client.js';
import { BreakerRegistry } from '../../src/upstream/breaker-registry.js';
import { RetryBudgetService } from '../../src/upstream/retry-budget.service.js';
import { RetryInterceptor } from '../../src/upstream/retry.interceptor.js';
import type { UpstreamError } from '../../src/upstream/upstream-error.js';
import type { UpstreamOptions } from '../../src/upstream/upstream-http.js';
import { read } from '../support/config.js';
import { waitFor } from '../support/wait-for.js';
import { startGateway } from '../support/gateway.js';
import type { Gateway } from '../support/gateway.js';
import { momentCall, sessionCall } from '../support/kiip-world.js';
import { selfSigned } from '../support/self-signed.js';
import { TlsKiip } from '../support/tls-kiip.js';

const path = '/api/v1/kiip/moments';
const repeats = (gateway: Gateway) =>
  gateway.log.filter(({ msg }) => msg === 'retrying upstream call').length;

async function moment(gateway: Gateway): Promise<[number, unknown]> {
  const response = await gateway.post(path, momentCall);
  const body = (await response.json()) as { retryable?: boolean };
  return [response.status, body.retryable];
}

describe('a moment that provably was not sent', () => {
  let gateway: Gateway;
  let kiip: TlsKiip | undefined;
  const authorities = getCACertificates('default');
  const identity = selfSigned('localhost');

  const use = async (url: string, env = {}) => {
    gateway = await startGateway({ KIIP_BASE_URL: url, KIIP_REWARD_HOSTS: 'localhost', ...env });
  };

  afterEach(async () => {
    setDefaultCACertificates(authorities);
    await gateway.close();
    await kiip?.close();
    kiip = undefined;
  });

  it('is tried three times when the connection is refused, and answered 502 retryable', async () => {
    await use('http://127.0.0.1:1');
    expect(await moment(gateway)).toEqual([502, true]);
    expect(repeats(gateway)).toBe(2);
  });

  it('is tried three times when the host name is unknown, and answered 502 retryable', async () => {
    await use('https://nope.invalid', { KIGO_API_KEY: 'not-a-published-key' });
    expect(await moment(gateway)).toEqual([502, true]);
    expect(repeats(gateway)).toBe(2);
  });

  it('is tried three times when the certificate is not trusted, and answered 502 retryable', async () => {
    kiip = await TlsKiip.start(identity);
    await use(kiip.url());
    expect(await moment(gateway)).toEqual([502, true]);
    expect([kiip.knocks, kiip.bodies]).toEqual([3, []]);
  });

  it('is tried three times when the certificate names another host, and answered 502 retryable', async () => {
    kiip = await TlsKiip.start(identity);
    setDefaultCACertificates([identity.cert]);
    await use(kiip.url('127.0.0.1'));
    expect(await moment(gateway)).toEqual([502, true]);
    expect([kiip.knocks, kiip.bodies]).toEqual([3, []]);
  });

  it('is sent once when the second TLS handshake succeeds', async () => {
    kiip = await TlsKiip.start(identity);
    setDefaultCACertificates([identity.cert]);
    kiip.plan = ['reset', 'reset'];
    await use(kiip.url());
    expect(await moment(gateway)).toEqual([200, undefined]);
    expect(kiip.knocks).toBe(3);
    expect(kiip.bodies.map((body) => JSON.parse(body) as object)).toMatchObject([momentCall]);
    // Over HTTP/2, undici itself would retry a request that the server rejected.
    expect(kiip.protocols).toEqual(['http/1.1']);
  });

  it('is tried three times when the server has no TLS, and answered 502 retryable', async () => {
    const plain = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    }).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    await use(`https://127.0.0.1:${(plain.address() as AddressInfo).port}`);
    expect(await moment(gateway)).toEqual([502, true]);
    expect(repeats(gateway)).toBe(2);
    plain.close();
  });

  it('is answered 504 retryable when no connection is made in time, and is not sent later', async () => {
    kiip = await TlsKiip.start(identity);
    setDefaultCACertificates([identity.cert]);
    kiip.plan = ['hold', 'hold', 'hold'];
    await use(kiip.url(), { KIIP_TIMEOUT_MS: '1000', UPSTREAM_DEADLINE_MS: '5000' });
    expect(await moment(gateway)).toEqual([504, true]);
    expect(repeats(gateway)).toBe(2);
    expect(kiip.knocks).toBe(3);
    kiip.release();
    await waitFor('all three have hung up', () => kiip?.farewells === 3);
    expect(kiip.bodies).toEqual([]);
    expect(await moment(gateway)).toEqual([200, undefined]);
    expect(kiip.bodies).toHaveLength(1);
  });
});

describe('a moment that may have been sent', () => {
  let gateway: Gateway;
  let close: () => void;
  let connections = 0;

  /** A server that handles each connection as specified, by its number. */
  const use = async (treat: (socket: Socket, connection: number) => void) => {
    connections = 0;
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      connections += 1;
      sockets.push(socket);
      socket.on('error', () => undefined);
      treat(socket, connections);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    gateway = await startGateway({
      KIIP_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });
    close = () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    };
  };

  afterEach(async () => {
    await gateway.close();
    close();
  });

  const answer = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';

  it('is sent once to a server that resets the connection on its first byte, and answered 502 not retryable', async () => {
    await use((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await moment(gateway)).toEqual([502, false]);
    expect(connections).toBe(1);
  });

  it('is sent once when a keep-alive connection closes while the request is written', async () => {
    let requests = 0;
    await use((socket) => {
      socket.on('data', () => {
        requests += 1;
        if (requests === 1) socket.write(answer);
        else socket.destroy();
      });
    });
    expect(await moment(gateway)).toEqual([200, undefined]);
    expect(await moment(gateway)).toEqual([502, false]);
    expect([connections, requests]).toEqual([1, 2]);
  });

  it('is sent on a new connection when the keep-alive connection is already closed', async () => {
    let closed = 0;
    await use((socket) => {
      socket.on('data', () => socket.end(answer));
      socket.on('close', () => (closed += 1));
    });
    expect(await moment(gateway)).toEqual([200, undefined]);
    await waitFor('the connection is closed', () => closed === 1);
    expect(await moment(gateway)).toEqual([200, undefined]);
    expect(connections).toBe(2);
  });
});

describe('the error of a POST', () => {
  let http: KiipHttp;
  let close: () => void;
  let received = 0;

  const use = async (options: Partial<UpstreamOptions>) => {
    received = 0;
    const sockets: Socket[] = [];
    const silent = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', () => (received += 1));
    }).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const breakers = new BreakerRegistry();
    http = new KiipHttp({
      breakers,
      upstream: 'kiip',
      baseUrl: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      // A busy machine sends a request within it.
      timeoutMs: 1_000,
      deadlineMs: 1_000,
      operations: [],
      concurrency: 1,
      queue: 1,
      interceptors: [
        new RetryInterceptor(breakers, new RetryBudgetService(breakers, new RedisStore(), read())),
      ],
      ...options,
    });
    close = () => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    };
  };

  afterEach(async () => {
    await http.onApplicationShutdown();
    close();
  });

  const post = () =>
    http.postJson('/', {}, { operation: 'moment' }).then(
      () => undefined,
      (error: UpstreamError) => [error.failure, error.neverSent],
    );

  it('says that the request was not sent when it timed out in the queue, or the queue was full', async () => {
    await use({});
    expect(await Promise.all([post(), post(), post()])).toEqual([
      ['timeout', false],
      ['timeout', true],
      ['busy', true],
    ]);
    expect(received).toBe(1);
  });

  it('says that the request was not sent when the circuit breaker is open', async () => {
    await use({ concurrency: 8 });
    await Promise.all(Array.from({ length: 5 }, post));
    expect(await post()).toEqual(['busy', true]);
    expect(received).toBe(5);
  });
});

describe('a response that begins with an informational one', () => {
  const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 43\r\n\r\n{"date":"2015-01-28T01:32:24.697136+02:00"}';
  /** A Kiip that sends this before its response. */
  async function withKiip(before: string, use: (gateway: Gateway) => Promise<void>): Promise<void> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end(before + answer));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const gateway = await startGateway({
      KIIP_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });
    await use(gateway);
    await gateway.close();
    await once(server.close(), 'close');
  }

  it.each(['102 Processing', '103 Early Hints', '199 Unknown'])('passes over %s', async (status) => {
    await withKiip(`HTTP/1.1 ${status}\r\n\r\n`, async (gateway) => {
      const response = await gateway.post('/api/v1/kiip/sessions', sessionCall);
      // In UTC, as all dates are.
      expect(await response.json()).toEqual({ date: '2015-01-27T23:32:24.697136Z' });
    });
  });

  it('names and counts 100 Continue, which the client library refuses', async () => {
    await withKiip('HTTP/1.1 100 Continue\r\n\r\n', async (gateway) => {
      expect((await gateway.post('/api/v1/kiip/sessions', sessionCall)).status).toBe(502);
      const failed = gateway.log.find(({ msg }) => msg === 'upstream call failed');
      expect(failed!['reason']).toBe('kiip session: sent 100 Continue, which was not asked for');
      expect(await (await gateway.get('/metrics')).text()).toMatch(
        /upstream_failures_total\{upstream="kiip",operation="session",failure="invalid_response"\} 1/,
      );
    });
  });
});
