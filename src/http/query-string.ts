/** Stands for a string that is not correctly percent-encoded UTF-8. A lone surrogate cannot be the result of decoding, so validators reject it. */
const INVALID_ENCODING = '\uD800';

/**
 * Parses a query string as a form (`+` is a space). Other parsers pass on what they cannot decode, or replace parts of it; an
 * id must reach the upstream unchanged or not at all.
 * @returns a string for each name, a list for a name that is repeated
 */
export function parseQueryString(query: string): Record<string, string | string[]> {
  const parameters = Object.create(null) as Record<string, string | string[]>;
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const [encodedName = '', ...encodedValue] = pair.split('=');
    const name = decode(encodedName);
    const value = decode(encodedValue.join('='));
    const earlier = parameters[name];
    if (earlier === undefined) parameters[name] = value;
    else if (typeof earlier === 'string') parameters[name] = [earlier, value];
    else earlier.push(value);
  }
  return parameters;
}

function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return INVALID_ENCODING;
  }
}
