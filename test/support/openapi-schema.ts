import { isDeepStrictEqual } from 'node:util';

export type Node = Record<string, unknown>;

const ANNOTATIONS = ['title', 'description', 'example', 'examples', 'deprecated', 'externalDocs', '$comment'];

/** Splits a schema into schemas of one type each, without references, allOf, oneOf and anyOf. A value matches one of them. */
export function alternatives(document: Node, schema: unknown): Node[] {
  const found = withoutChoices(document, schema).flatMap((one) => {
    const values = one['enum'] === undefined ? undefined : list(one['enum']);
    const types = one['type'] === undefined ? values?.map(typeOf) : list(one['type']);
    return types === undefined ? [one] : [...new Set(types)].flatMap((type) => ofType(one, type, values));
  });
  if (found.length === 0) throw new Error(`no value matches ${JSON.stringify(schema)}`);
  return found;
}

function withoutChoices(document: Node, schema: unknown): Node[] {
  const { choices, ...common } = flat(document, schema);
  return list(choices).reduce<Node[]>(
    (found, choice) => {
      const options = list(choice).flatMap((option) => withoutChoices(document, option));
      return found.flatMap((one) => options.map((option) => both(one, option)));
    },
    [common],
  );
}

function ofType(schema: Node, type: unknown, values: unknown[] | undefined): Node[] {
  const own = values?.filter(
    (value) => typeOf(value) === type || (type === 'number' && typeOf(value) === 'integer'),
  );
  if (own?.length === 0) return [];
  return [type === 'null' ? { type } : { ...schema, type, ...(own && { enum: own }) }];
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** Resolves references and allOf; turns oneOf and anyOf into `choices`, const into an enum, and a type into a list. */
function flat(document: Node, schema: unknown): Node {
  if (typeof schema === 'boolean') return schema ? {} : { not: {} };
  const { $ref, allOf, oneOf, anyOf, const: only, ...rest } = node(schema);
  const own = Object.fromEntries(
    Object.entries(rest).filter(([keyword]) => !ANNOTATIONS.includes(keyword) && !keyword.startsWith('x-')),
  );
  if (typeof own['type'] === 'string') own['type'] = [own['type']];
  if (only !== undefined) own['enum'] = [only];
  own['choices'] = [oneOf, anyOf].filter((choice) => choice !== undefined);
  const parts = $ref === undefined ? list(allOf) : [target(document, $ref as string), ...list(allOf)];
  return parts.map((part) => flat(document, part)).reduce(both, own);
}

/** A schema that requires what both require. */
function both(one: Node, other: Node): Node {
  const merged = { ...one };
  for (const [keyword, value] of Object.entries(other))
    merged[keyword] = keyword in merged ? together(keyword, merged[keyword], value) : value;
  return merged;
}

function together(keyword: string, one: unknown, other: unknown): unknown {
  if (isDeepStrictEqual(one, other)) return one;
  if (keyword === 'choices') return [...list(one), ...list(other)];
  if (keyword === 'required') return [...new Set([...list(one), ...list(other)])];
  if (keyword === 'enum' || keyword === 'type')
    return list(one).filter((value) => list(other).includes(value));
  if (keyword === 'properties') {
    const shared = Object.keys(node(one)).filter((name) => name in node(other));
    const merged = shared.map((name) => [name, { allOf: [node(one)[name], node(other)[name]] }]);
    return { ...node(one), ...node(other), ...Object.fromEntries(merged) };
  }
  return [one, other];
}

export function resolve(document: Node, value: unknown): Node {
  const { $ref } = node(value);
  return $ref === undefined ? node(value) : resolve(document, target(document, $ref as string));
}

/** The same without references, but for those to schemas. */
export function inline(document: Node, value: unknown = document): unknown {
  return JSON.parse(JSON.stringify(value), (_, part: unknown) => {
    const { $ref } = node(part);
    if (typeof $ref !== 'string' || $ref.startsWith('#/components/schemas/')) return part;
    return inline(document, target(document, $ref));
  });
}

function target(document: Node, reference: string): unknown {
  const names = reference.slice('#/'.length).split('/');
  const found = names.reduce<unknown>(
    (inner, name) => node(inner)[name.replaceAll('~1', '/').replaceAll('~0', '~')],
    document,
  );
  if (found === undefined) throw new Error(`${reference} has no target`);
  return found;
}

export function node(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {};
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
