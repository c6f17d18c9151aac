import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { FaultRules } from '../faults/fault-rules.js';
import type { ControlRoute } from '../server/control-api.js';
import { jsonResponse } from '../server/http-response.js';
import { originOf } from '../server/listen.js';
import { RequestLog } from '../server/request-log.js';
import { startSandboxServer } from '../server/sandbox-server.js';

export interface RedisProxyOptions {
  /** The Redis behind it, `redis://`. */
  redisUrl: string;
  /** Of the control API; 0 takes any free port. */
  port: number;
  host: string;
  consoleOrigins: readonly string[];
}

/** Stands between the gateway and a real Redis, so that Redis can fail and recover. */
export interface RedisProxy {
  /** The URL of the Redis, through the proxy. */
  readonly redisUrl: string;
  /** Origin of the control API. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws when the URL is not that of a Redis without TLS, or the port is taken */
export async function startRedisProxy(options: RedisProxyOptions): Promise<RedisProxy> {
  const { port, host, consoleOrigins } = options;
  const target = URL.parse(options.redisUrl);
  if (target?.protocol !== 'redis:') throw new Error('SANDBOX_REDIS_URL must begin with redis://.');
  const clients = new Set<Socket>();
  let failing = false;
  const proxy = createServer({ noDelay: true }, (client) => {
    client.on('error', () => client.destroy());
    if (failing) {
      client.resetAndDestroy();
      return;
    }
    const [redisHost, redisPort] = [target.hostname.replaceAll(/[[\]]/g, ''), Number(target.port || 6379)];
    const redis = connect({ host: redisHost, port: redisPort, noDelay: true });
    redis.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.on('close', () => (clients.delete(client), redis.destroy()));
    clients.add(client);
    client.pipe(redis).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const fail = (now: boolean): void => {
    failing = now;
    if (now) for (const client of clients) client.resetAndDestroy();
  };
  const closeProxy = async (): Promise<void> => {
    const closed = new Promise((resolve) => proxy.close(resolve));
    fail(true);
    await closed;
  };
  try {
    const server = await startSandboxServer({
      service: {
        routes: ['other'],
        identify: () => ({ route: 'other' }),
        respond: () => jsonResponse(404, { error: 'the control API is at /__sandbox' }),
        failure: (status) => jsonResponse(status, { error: `status ${status}` }),
      },
      requestLog: new RequestLog(),
      faults: new FaultRules([], 1),
      control: redisControl(fail, () => failing),
      consoleOrigins,
      host,
      port,
    });
    const through = new URL(target.href);
    through.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    return {
      redisUrl: through.href,
      url: originOf(host, server.port),
      close: async () => {
        await server.close();
        await closeProxy();
      },
    };
  } catch (error) {
    await closeProxy();
    throw error;
  }
}

/** Failing and recovering have the paths that they have at the vendors. */
function redisControl(fail: (now: boolean) => void, isFailing: () => boolean): ControlRoute[] {
  return [
    {
      method: 'POST',
      path: '/faults',
      help: 'reset every connection, and those to come; takes no rule',
      run: () => fail(true),
    },
    {
      method: 'GET',
      path: '/faults',
      help: 'whether it fails',
      run: () => ({ faults: isFailing() ? [{ kind: 'reset' }] : [] }),
    },
    { method: 'DELETE', path: '/faults', help: 'let Redis work again', run: () => fail(false) },
  ];
}
