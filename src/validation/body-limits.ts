import type { Violation } from '../problem/problem.js';

/** No body that we accept comes near these. Validators need seconds for 100,000 members, and end the stack in a deep enough one. */
const MAX_VALUES = 1_000;
const MAX_NAME_LENGTH = 256;

/**
 * Finds what validators cannot be left alone with: too much (and so too deep), a list in a list (they take the inner list for an
 * item that keeps every rule), and members named like one that every object has (they take it for a known one).
 */
export function findBodyViolation(body: object): Violation | undefined {
  let values = 0;

  function visit(value: unknown, at: readonly string[]): Violation | undefined {
    values += 1;
    if (typeof value !== 'object' || value === null) return undefined;
    // The length first: listing the names of a long list takes a while.
    if (Array.isArray(value) && value.length > MAX_VALUES) return violation(at, 'has too many items');
    const members = Object.entries<unknown>(value as Record<string, unknown>);
    if (values + members.length > MAX_VALUES) return violation(at.slice(0, 1), 'holds too many values');
    for (const [name, member] of members) {
      if (name.length > MAX_NAME_LENGTH)
        return violation(at, `has a member whose name has more than ${MAX_NAME_LENGTH} characters`);
      const here = [...at, name];
      const fault = checkProperty(name, member, value);
      const found = fault === undefined ? visit(member, here) : violation(here, fault);
      if (found) return found;
    }
    return undefined;
  }

  return visit(body, []);
}

function checkProperty(name: string, member: unknown, parent: object): string | undefined {
  if (name in Object.prototype) return 'is not an allowed property';
  return Array.isArray(member) && Array.isArray(parent) ? 'must not contain nested arrays' : undefined;
}

function violation(at: readonly string[], fault: string): Violation {
  return { pointer: pointerTo(...at), detail: `${at.at(-1) ?? 'the body'} ${fault}` };
}

/** A JSON pointer (RFC 6901). */
export function pointerTo(...names: string[]): string {
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
