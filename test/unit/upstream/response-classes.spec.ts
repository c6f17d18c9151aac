import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { decodeContent } from '../../../src/upstream/content-coding.js';
import { parseRetryAfter } from '../../../src/upstream/retry-after.js';
import {
  packUpstreamError,
  unpackUpstreamError,
  UpstreamError,
} from '../../../src/upstream/upstream-error.js';

const LIMIT = 1024;
const text = Buffer.from('{"count":12}');

describe('decodeContent', () => {
  it.each([
    ['identity', text],
    ['', text],
    ['gzip', gzipSync(text)],
    ['GZIP', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['X-Gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['Deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdCompressSync(text)],
    ['identity, gzip', gzipSync(text)],
    [' gzip ,, br ', brotliCompressSync(gzipSync(text))],
  ])('decodes %j', async (header, bytes) => {
    expect(await decodeContent(bytes, [header], LIMIT)).toEqual(text);
  });

  it('decodes what several headers name, the last one first', async () => {
    expect(await decodeContent(brotliCompressSync(gzipSync(text)), ['gzip', 'BR'], LIMIT)).toEqual(text);
  });

  it.each(['compress', 'x-compress', 'gzip;q=1', 'constructor', 'gzip, compress'])(
    'knows no %j',
    async (header) => {
      expect(await decodeContent(gzipSync(text), [header], LIMIT)).toBeUndefined();
    },
  );

  it.each(['gzip', 'deflate', 'br', 'zstd'])('rejects a body that is no %s', async (header) => {
    await expect(decodeContent(text, [header], LIMIT)).rejects.toThrow(/./);
  });

  it('rejects a body that becomes larger than the limit, in any of its codings', async () => {
    const large = Buffer.alloc(LIMIT + 1);
    await expect(decodeContent(gzipSync(large), ['gzip'], LIMIT)).rejects.toThrow(RangeError);
    await expect(decodeContent(gzipSync(gzipSync(large)), ['gzip, gzip'], LIMIT)).rejects.toThrow(RangeError);
  });
});

it('treats every server error as one that may pass, but for two that never do', () => {
  const statuses = Array.from({ length: 500 }, (_, index) => 100 + index);
  const transient = statuses.filter(
    (status) => new UpstreamError('kigo', 'lookup', 'status', '', { status }).transient,
  );
  const serverErrors = statuses.filter((status) => status >= 500 && status !== 501 && status !== 505);
  expect(transient).toEqual([408, 429, ...serverErrors]);
});

describe('parseRetryAfter', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'reads a date in each format of RFC 9110: %s',
    (date) => {
      expect(parseRetryAfter(date, undefined, Date.UTC(1994, 10, 6, 8, 49, 30))).toBe(7);
    },
  );

  it('measures a date against that of the response, since our clock may be wrong', () => {
    const [sent, retry] = ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:42 GMT'];
    expect(parseRetryAfter(retry, sent, Date.UTC(1994, 10, 6, 7))).toBe(5);
    expect(parseRetryAfter(retry, 'nonsense', Date.UTC(1994, 10, 6, 8, 49, 40))).toBe(2);
  });
});

describe('an UpstreamError that replicas share', () => {
  it('is the same after it was packed as JSON', () => {
    for (const error of [
      new UpstreamError('kigo', 'lookup', 'busy', 'status 429', { status: 429, retryAfterSeconds: 7 }),
      new UpstreamError('kigo', 'hub-summary', 'invalid_response', 'the response is not UTF-8'),
    ]) {
      const unpacked = unpackUpstreamError(JSON.parse(JSON.stringify(packUpstreamError(error))));
      expect(unpacked).toBeInstanceOf(UpstreamError);
      expect(packUpstreamError(unpacked)).toEqual(packUpstreamError(error));
      expect([unpacked.message, unpacked.transient]).toEqual([error.message, error.transient]);
    }
  });

  it.each([
    ['was rejected here', new UpstreamError('kigo', 'lookup', 'busy', 'the circuit breaker is open')],
    ['broke', new UpstreamError('kigo', 'lookup', 'unreachable', 'ECONNRESET')],
    ['got no response', new UpstreamError('kigo', 'lookup', 'timeout', 'no complete response in time')],
    [
      'had wrong credentials',
      new UpstreamError('kigo', 'login', 'credentials_rejected', 'rejected', { status: 401 }),
    ],
    ['is a bug', new TypeError('a bug')],
  ])('does not concern a call that %s', (_, error) => {
    expect(packUpstreamError(error)).toBeUndefined();
  });
});
