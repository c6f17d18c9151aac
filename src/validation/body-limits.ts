import type { Violation } from '../problem/problem.js';

/** No accepted body comes near these limits. Validators need seconds for 100,000 properties, and overflow the stack on deep nesting. */
const MAX_VALUES = 1_000;
const MAX_NAME_LENGTH = 256;

/**
 * Finds what validators do not handle: too many values (which also limits the depth), nested arrays (validators accept the inner
 * array as a valid item), and properties named like one that every object has (validators take them for allowed ones).
 */
export function findBodyViolation(body: object): Violation | undefined {
  let values = 0;

  function visit(value: unknown, path: readonly string[]): Violation | undefined {
    values += 1;
    if (typeof value !== 'object' || value === null) return undefined;
    // The length first, since listing the keys of a long array takes long.
    if (Array.isArray(value) && value.length > MAX_VALUES) return violation(path, 'has too many items');
    const properties = Object.entries<unknown>(value as Record<string, unknown>);
    if (values + properties.length > MAX_VALUES)
      return violation(path.slice(0, 1), 'contains too many values');
    for (const [name, property] of properties) {
      if (name.length > MAX_NAME_LENGTH)
        return violation(path, `has a property whose name has more than ${MAX_NAME_LENGTH} characters`);
      const propertyPath = [...path, name];
      const detail = checkProperty(name, property, value);
      const found = detail === undefined ? visit(property, propertyPath) : violation(propertyPath, detail);
      if (found) return found;
    }
    return undefined;
  }

  return visit(body, []);
}

function checkProperty(name: string, value: unknown, parent: object): string | undefined {
  if (name in Object.prototype) return 'is not an allowed property';
  return Array.isArray(value) && Array.isArray(parent) ? 'must not contain nested arrays' : undefined;
}

function violation(path: readonly string[], detail: string): Violation {
  return { pointer: pointerTo(...path), detail: `${path.at(-1) ?? 'the body'} ${detail}` };
}

/** A JSON pointer (RFC 6901). */
export function pointerTo(...names: string[]): string {
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
