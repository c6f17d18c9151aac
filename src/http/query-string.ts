/** Stands for text that is not correctly percent-encoded UTF-8. No decoded text can be a lone surrogate, so validators refuse it. */
const INVALID_ENCODING = '\uD800';

/**
 * Reads a query string as a form (`+` is a blank). Unlike the usual parsers it neither passes undecodable text on as it stands
 * nor replaces parts of it: an id must reach the vendor unchanged or not at all.
 * @returns a text for each name, a list for a name that comes more than once
 */
export function parseQueryString(query: string): Record<string, string | string[]> {
  const members: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const [name = '', ...value] = pair.split('=');
    const key = decode(name);
    const earlier = members[key];
    const text = decode(value.join('='));
    if (earlier === undefined) members[key] = text;
    else if (typeof earlier === 'string') members[key] = [earlier, text];
    else earlier.push(text);
  }
  return members;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return INVALID_ENCODING;
  }
}
