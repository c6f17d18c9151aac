import type { Member } from './json-members.js';

/**
 * The members of an `application/x-www-form-urlencoded` text, repeated names included and `a[]` a name like any
 * other. Undefined if anything in it is not what it claims to be: `URLSearchParams` would turn `%zz` into itself and
 * `%ff` into U+FFFD, so two different bodies would be verified as one.
 */
export function readFormMembers(text: string): Member[] | undefined {
  try {
    return text
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => {
        const equals = pair.includes('=') ? pair.indexOf('=') : pair.length;
        return { name: decode(pair.slice(0, equals)), text: decode(pair.slice(equals + 1)) };
      });
  } catch {
    return undefined;
  }
}

/** Throws a URIError on a broken escape and on escapes that are not UTF-8. */
function decode(component: string): string {
  return decodeURIComponent(component.replaceAll('+', ' '));
}
