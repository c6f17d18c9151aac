const DECODER = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes UTF-8 and drops a byte order mark. Other decoders replace an invalid byte, and two different texts become one: a secret
 * or an id would be another one.
 * @throws TypeError when the bytes are not UTF-8
 */
export function decodeUtf8(bytes: Uint8Array): string {
  return DECODER.decode(bytes);
}
