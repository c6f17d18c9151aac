/** One member of a body, in the order of arrival: its text, or undefined where the value is none. */
export interface Member {
  readonly name: string;
  readonly text: string | undefined;
}

/** The tokens of a text that `JSON.parse` has already accepted: a string, a bracket, a separator, or a bare word. */
const TOKEN_PATTERN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * The top-level members of a JSON object, every one of them, repeated names included, and numbers as the text that
 * arrived (`20.0` stays `20.0`). Undefined if the text is not a JSON object.
 *
 * `JSON.parse` alone cannot do this: it keeps the last of two equal names without a word, and a reviver, which would
 * give the source of a number, sees nothing of the first one and overflows the stack on deep nesting. A parser from a
 * package would be a second opinion on what JSON is. So the platform decides what is JSON, and what is left is to
 * walk the tokens of a text known to be valid, where only strings and brackets have to be told apart.
 */
export function parseJsonMembers(text: string): Member[] | undefined {
  if (!isJsonObject(text)) return undefined;
  const members: Member[] = [];
  let depth = 0;
  let name: string | undefined;
  for (const [token] of text.matchAll(TOKEN_PATTERN)) {
    const closes = token === '}' || token === ']';
    if (depth === 1 && !closes && token !== ',' && token !== ':') {
      if (name === undefined) {
        // Two spellings of one name ("user_id", "\u0075ser_id") are one name from here on.
        name = JSON.parse(token) as string;
      } else {
        members.push({ name, text: scalarText(token) });
        name = undefined;
      }
    }
    if (token === '{' || token === '[') depth += 1;
    if (closes) depth -= 1;
  }
  return members;
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function scalarText(token: string): string | undefined {
  if (token.startsWith('"')) return JSON.parse(token) as string;
  return /^[-0-9]/.test(token) ? token : undefined;
}
