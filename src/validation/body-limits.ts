import type { Violation } from '../problem/problem.js';

/** No accepted body comes near these limits. Validators need seconds for 100,000 properties, and overflow the stack on deep nesting. */
const MAX_VALUES = 1_000;
const MAX_NAME_LENGTH = 256;

const TOO_MANY_VALUES = 'contains too many values';
const NAME_TOO_LONG = `has a property whose name has more than ${MAX_NAME_LENGTH} characters`;

interface Found {
  readonly path: readonly string[];
  readonly detail: string;
}

/**
 * Finds what validators do not handle: too many values (which also limits the depth), nested arrays (validators accept the inner
 * array as a valid item), and properties named like one that every object has (validators take them for allowed ones).
 */
export function findBodyViolation(body: object): Violation | undefined {
  let values = 0;

  function visit(value: unknown): Found | undefined {
    values += 1;
    if (typeof value !== 'object' || value === null) return undefined;
    // The length first, since listing the keys of a long array takes long.
    if (Array.isArray(value) && value.length > MAX_VALUES) return { path: [], detail: 'has too many items' };
    const names = Object.keys(value);
    if (values + names.length > MAX_VALUES) return { path: [], detail: TOO_MANY_VALUES };
    for (const name of names) {
      if (name.length > MAX_NAME_LENGTH) return { path: [], detail: NAME_TOO_LONG };
      const property = (value as Record<string, unknown>)[name];
      const detail = checkProperty(name, property, value);
      const found = detail === undefined ? visit(property) : { path: [], detail };
      if (found) return { ...found, path: [name, ...found.path] };
    }
    return undefined;
  }

  const found = visit(body);
  if (!found) return undefined;
  const { path, detail } = found;
  // Deep inside, it is only by chance where the limit is reached.
  return violation(detail === TOO_MANY_VALUES ? path.slice(0, 1) : path, detail);
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
