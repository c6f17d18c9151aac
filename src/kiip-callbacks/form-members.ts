import type { Member } from './json-members.js';

/**
 * The members of an `application/x-www-form-urlencoded` text, repeated names included and `a[]` a name like any other. A value
 * that is not what it claims to be is undefined, and such a name stays as it is: `URLSearchParams` would turn `%zz` into itself
 * and `%ff` into U+FFFD, so two different bodies would be verified as one.
 */
export function parseFormMembers(text: string): Member[] {
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.includes('=') ? pair.indexOf('=') : pair.length;
      const name = pair.slice(0, equals);
      return { name: decode(name) ?? name, text: decode(pair.slice(equals + 1)) };
    });
}

/** Undefined for a broken escape and for escapes that are not UTF-8. */
function decode(component: string): string | undefined {
  try {
    return decodeURIComponent(component.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
