/** A field of a body. The value is undefined if it is neither a string nor a number, or cannot be decoded. */
export interface BodyField {
  readonly name: string;
  readonly value: string | undefined;
}

/** A token of a text that `JSON.parse` has accepted: a string, a bracket, a separator, or a literal. */
const TOKEN_PATTERN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/**
 * The top-level fields of a JSON object, in their order and including repeated ones. Numbers keep their source text
 * (`20.0` stays `20.0`). Returns undefined if the text is not a JSON object.
 *
 * `JSON.parse` alone cannot do this: it keeps only the last of two fields with the same name. Its reviver, which would
 * give the source text of a number, does not see the first one either, and overflows the stack on deep nesting. A
 * parser from a package could disagree with `JSON.parse` about what JSON is. So `JSON.parse` decides whether the text
 * is JSON, and this function walks the tokens of the valid text: it only has to tell strings and brackets apart.
 */
export function parseJsonFields(text: string): BodyField[] | undefined {
  if (!isJsonObject(text)) return undefined;
  const fields: BodyField[] = [];
  let depth = 0;
  let name: string | undefined;
  for (const token of text.match(TOKEN_PATTERN)!) {
    const closes = token === '}' || token === ']';
    if (depth === 1 && !closes && token !== ',' && token !== ':') {
      if (name === undefined) {
        // "user_id" and "\u0075ser_id" are the same name.
        name = toText(token);
      } else {
        fields.push({ name, value: toScalar(token) });
        name = undefined;
      }
    }
    if (token === '{' || token === '[') depth += 1;
    if (closes) depth -= 1;
  }
  return fields;
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function toScalar(token: string): string | undefined {
  if (token.startsWith('"')) return toText(token);
  return /^[-0-9]/.test(token) ? token : undefined;
}

function toText(token: string): string {
  return token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
}
