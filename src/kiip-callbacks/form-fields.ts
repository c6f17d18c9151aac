import type { BodyField } from './json-fields.js';

/**
 * The fields of an `application/x-www-form-urlencoded` body, including repeated ones. `a[]` has no special meaning. A
 * value that cannot be decoded is undefined, and a name that cannot be decoded stays encoded. `URLSearchParams` would
 * keep `%zz` and decode `%ff` to U+FFFD, so that two different bodies would have the same signature.
 */
export function parseFormFields(text: string): BodyField[] {
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.includes('=') ? pair.indexOf('=') : pair.length;
      const name = pair.slice(0, equals);
      return { name: decode(name) ?? name, value: decode(pair.slice(equals + 1)) };
    });
}

/** Returns undefined for an invalid escape, and for escapes that are not UTF-8. */
function decode(component: string): string | undefined {
  try {
    return decodeURIComponent(component.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
