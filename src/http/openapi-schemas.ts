import { isDeepStrictEqual } from 'node:util';
import { sortByKey } from './openapi-components.js';
import type { Document, Node } from './openapi-components.js';

interface Schema extends Node {
  readonly type?: string | string[] | undefined;
  readonly format?: string | undefined;
  readonly description?: string | undefined;
  readonly properties?: Record<string, Schema> | undefined;
  readonly required?: string[];
  readonly items?: Schema | undefined;
  readonly oneOf?: Schema[];
  readonly enum?: unknown[];
  readonly allOf?: Schema[];
}

type NamedSchema = readonly [name: string, schema: Schema];

const REFERENCE = '#/components/schemas/';
const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
const MAX_INT32 = 2 ** 31 - 1;
/** HTTP statuses, durations, and attempts. */
const SMALL = /(^|_)(status|ms|seconds|attempts)$/;
/** Fewer properties are alike by chance. */
const MIN_COMMON = 4;

/**
 * Completes the schemas that Nest makes of classes:
 * - The names of classes lose their `Dto`, and schemas with a title are moved there under that name.
 * - Numbers without a format are whole, and a string whose example is a date and time is one.
 * - Examples are those of whole bodies.
 * - Defaults go into descriptions: generators take a property that has one for always present, also in requests.
 * - What a schema has in common with a smaller one is said there alone.
 */
export function refineSchemas(document: object): Document {
  const titled: NamedSchema[] = [];
  const takeTitled = (_: string, value: unknown): unknown => {
    const { title, ...schema } = (value ?? {}) as Schema;
    // Examples of problems have a title as well.
    if (typeof title !== 'string' || !(schema.oneOf ?? schema.properties ?? schema.enum)) return value;
    titled.push([title, schema]);
    return { $ref: REFERENCE + title };
  };
  const text = JSON.stringify(document).replaceAll(/("#\/components\/schemas\/\w+)Dto"/g, '$1"');
  const { components, ...rest } = JSON.parse(text, takeTitled) as Document;
  const classes = Object.entries(components['schemas'] as Record<string, Schema>).map(
    ([name, schema]): NamedSchema => [name.replace(/Dto$/, ''), refine(schema)],
  );
  const schemas = sortByKey(Object.fromEntries([...classes.map((one) => extend(one, classes)), ...titled]));
  return { ...rest, components: { ...components, schemas } };
}

function refine(schema: Schema, name = ''): Schema {
  const { allOf, type, format: given, description = '', default: preset, example: _, ...others } = schema;
  const { properties, items } = schema;
  const types = [type ?? []].flat().map((one) => (one === 'number' && !given ? 'integer' : one));
  const format = given ?? formatOf(types, schema, name);
  return {
    // OpenAPI 3.1 allows other keywords beside a reference.
    ...allOf?.[0],
    type: Array.isArray(type) ? types : types[0],
    format,
    description:
      (preset === undefined ? description : `${description} Default: ${JSON.stringify(preset)}.`) ||
      undefined,
    ...others,
    properties: properties && mapValues(properties, refine),
    items: items && refine(items),
  };
}

function formatOf(
  types: readonly string[],
  { example, maximum = Infinity }: Schema,
  name: string,
): string | undefined {
  if (types.includes('integer') && Number(maximum) > MAX_INT32) return SMALL.test(name) ? 'int32' : 'int64';
  return types.includes('string') && INSTANT.test(String(example)) ? 'date-time' : undefined;
}

/** Refers to the largest schema whose properties this one has as well, as a class refers to its base. */
function extend([name, schema]: NamedSchema, all: readonly NamedSchema[]): NamedSchema {
  const { properties = {}, required = [], ...rest } = schema;
  const bases = all.filter(
    ([, base]) =>
      countProperties(base) >= MIN_COMMON &&
      countProperties(base) < countProperties(schema) &&
      Object.entries(base.properties!).every(
        ([key, property]) =>
          isDeepStrictEqual(property, properties[key]) &&
          (base.required ?? []).includes(key) === required.includes(key),
      ),
  );
  const [base] = bases.toSorted(([, one], [, other]) => countProperties(other) - countProperties(one));
  if (!base) return [name, schema];
  const isOwn = (key: string) => !(key in base[1].properties!);
  const own = {
    ...rest,
    properties: Object.fromEntries(Object.entries(properties).filter(([key]) => isOwn(key))),
    ...(required.some(isOwn) && { required: required.filter(isOwn) }),
  };
  return [name, { allOf: [{ $ref: REFERENCE + base[0] }, own] }];
}

function countProperties({ properties = {} }: Schema): number {
  return Object.keys(properties).length;
}

function mapValues<T, U>(record: Record<string, T>, map: (value: T, key: string) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
