import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';

type Decompress = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const gzip: Decompress = promisify(gunzip);

/** `deflate` is the zlib format (RFC 9110, 8.4.1.2); some servers leave its header out. */
const deflate: Decompress = (bytes, options) =>
  (bytes[0]! & 0x0f) === 8 && bytes.readUInt16BE() % 31 === 0
    ? promisify(inflate)(bytes, options)
    : promisify(inflateRaw)(bytes, options);

/** We ask for gzip. A server may send another one all the same, but for `compress`, which nothing decodes any more. */
const CODINGS: Readonly<Record<string, Decompress>> = {
  gzip,
  'x-gzip': gzip,
  deflate,
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/**
 * The codings of a body in the order in which they were applied (RFC 9110, 8.4): tokens in any case, of one or several headers.
 * @returns undefined when one of them is unknown
 */
function parseCodings(headers: readonly string[]): Decompress[] | undefined {
  const names = headers
    .flatMap((header) => header.split(','))
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  const codings = names.map((name) => (Object.hasOwn(CODINGS, name) ? CODINGS[name] : undefined));
  return codings.includes(undefined) ? undefined : (codings as Decompress[]);
}

/**
 * Decodes a body.
 * @param headers the values of `Content-Encoding`
 * @param maxBytes the limit, also of what each coding decodes to
 * @returns undefined when a coding is unknown
 * @throws when the body cannot be decoded, or is larger
 */
export async function decodeContent(
  bytes: Buffer,
  headers: readonly string[],
  maxBytes: number,
): Promise<Buffer | undefined> {
  const codings = parseCodings(headers);
  if (codings === undefined) return undefined;
  let decoded = bytes;
  for (const decompress of codings.toReversed())
    decoded = await decompress(decoded, { maxOutputLength: maxBytes });
  return decoded;
}
