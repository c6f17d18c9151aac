const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/**
 * Whether a JSON text is not too deep and has not too many values, as far as its brackets and commas tell. It takes a microsecond for
 * each kilobyte, where a parser may take a hundred times as long. The text need not be valid.
 */
export function isWithinJsonLimits(json: Uint8Array, maxDepth: number, maxValues: number): boolean {
  let depth = 0;
  let values = 1;
  for (let index = 0; index < json.length; index += 1) {
    const byte = json[index]!;
    if (byte === QUOTE) {
      for (index += 1; index < json.length && json[index] !== QUOTE; index += 1)
        if (json[index] === BACKSLASH) index += 1;
    } else if (byte === COMMA) {
      values += 1;
    } else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) {
      depth += 1;
      values += 1;
      if (depth > maxDepth) return false;
    } else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) depth -= 1;
    if (values > maxValues) return false;
  }
  return true;
}
