import { toErrorCode } from '../cache/redis-connection.js';
import { redisScope } from '../cache/redis-scope.js';
import { redisClients } from '../cache/redis-store.js';
import type { Config } from '../config/config.js';
import { hostOf } from '../config/secret-summaries.js';
import { adviseOn, failed, ok, warning } from './finding.js';
import type { Finding } from './finding.js';

const CHECK = 'redis';
const CLUSTER = 'it is a cluster, which is not supported: name a Redis that has all keys';

/** What to do about an error reply. */
const ADVICE: Readonly<Record<string, string>> = {
  NOAUTH: 'it requires a password: put user and password into REDIS_URL',
  WRONGPASS: 'correct the user and the password in REDIS_URL',
  NOPERM:
    'the user lacks a command or a key: allow EVAL, SET, GET, DEL, INCRBY, PEXPIRE and PTTL for the keys rewards-gateway:*',
  MOVED: CLUSTER,
  CLUSTERDOWN: CLUSTER,
  READONLY: 'it is a read-only replica: name the primary',
  OOM: 'its memory is full: raise maxmemory, or set maxmemory-policy to allkeys-lru',
  LOADING: 'it still loads its data: try again later',
  MISCONF: 'it cannot write its files: look at its disk',
};

/** Connects with a client of the gateway, and sends every command that the gateway sends, on keys of their own. */
export async function checkRedis(config: Config, signal: AbortSignal): Promise<Finding[]> {
  const { redisUrl, redisSentinels = [], redisKeyPrefix } = config;
  if (redisUrl === undefined)
    return [ok(CHECK, 'REDIS_URL is not set: each process has a cache and limits of its own')];
  const host = hostOf(redisUrl);
  const end = new AbortController();
  const openClient = await redisClients(
    redisUrl,
    redisSentinels,
    `${redisKeyPrefix}probe:${redisScope(config)}`,
  );
  try {
    const session = await openClient(AbortSignal.any([signal, end.signal]));
    session.client.on('error', () => undefined);
    await session.client.connect();
    // A user may be allowed what the gateway needs, and not this.
    const info = parseInfo(await session.commands.client.info().catch(() => ''));
    const mode = info.get('redis_mode') ?? 'of an unknown mode (INFO is not allowed)';
    if (mode === 'cluster') return [failed(CHECK, `${host}: ${CLUSTER}`)];
    if (mode === 'sentinel') return [failed(CHECK, `${host}: it is a Sentinel: name the Redis behind it`)];
    await session.probe();
    const version = info.get('redis_version') ?? '';
    return [ok(CHECK, `Redis ${version} at ${host}, ${mode}, with all commands`), ...checkMemory(info)];
  } catch (error) {
    const code = toErrorCode(error);
    return [failed(CHECK, `${host}: ${code}: ${ADVICE[code] ?? adviseOn(code)}`)];
  } finally {
    end.abort();
  }
}

/** All our keys expire, but a Redis that refuses to write is of no use until they do. */
function checkMemory(info: ReadonlyMap<string, string>): Finding[] {
  const [limit, policy] = [info.get('maxmemory'), info.get('maxmemory_policy')];
  if (limit === undefined || policy === undefined) return [];
  const text = `maxmemory ${limit === '0' ? 'without a limit' : `${limit} bytes`}, maxmemory-policy ${policy}`;
  return limit !== '0' && policy === 'noeviction'
    ? [
        warning(
          'redis memory',
          `${text}: when it is full, no key is written: set allkeys-lru or volatile-lru`,
        ),
      ]
    : [ok('redis memory', text)];
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    Array.from(text.matchAll(/^(\w+):(.*?)\r?$/gm), ([, name = '', value = '']) => [name, value]),
  );
}
