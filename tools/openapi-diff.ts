import { isDeepStrictEqual } from 'node:util';
// Node.js itself loads this file for .ci/openapi.js, so the import has the extension .ts.
import { alternatives, list, node, resolve } from '../test/support/openapi-schema.ts';
import type { Node } from '../test/support/openapi-schema.ts';

/** Requests may only become less strict, responses only stricter. */
type Way = 'in' | 'out';

interface Place {
  readonly before: Node;
  readonly after: Node;
  readonly way: Way;
  /** Such as `GET /a: response 200`. */
  readonly label: string;
  /** The property, such as `users[].id`; empty for the whole value. */
  readonly path: string;
  /** The pairs of schemas that contain this one, since schemas may be recursive. */
  readonly within: readonly (readonly [unknown, unknown])[];
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
const MINIMUMS = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const MAXIMUMS = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
const HANDLED_KEYWORDS = [
  'type',
  'enum',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'default',
];

/**
 * Lists the breaking changes between two OpenAPI 3.1 documents, one per line. New operations, errors, optional request
 * properties, response properties, texts and examples do not break clients. References must be local. A change that it cannot
 * judge, such as any change of an unknown keyword, counts as breaking.
 */
export function breakingChanges(before: Node, after: Node): string[] {
  const place: Place = { before, after, way: 'in', label: '', path: '', within: [] };
  const out: Place = { ...place, way: 'out' };
  const schemes = securitySchemes(after);
  const lines = [
    ...without(serverUrls(before), serverUrls(after)).map((url) => `server ${JSON.stringify(url)} removed`),
    ...Object.entries(securitySchemes(before))
      .filter(([name, scheme]) => !isDeepStrictEqual(facts(scheme), facts(schemes[name])))
      .map(([name]) => `security scheme \`${name}\` removed or changed`),
    ...pathChanges(
      place,
      before['paths'],
      after['paths'],
      (path, method) => `${method.toUpperCase()} ${path}`,
    ),
    ...pathChanges(out, before['webhooks'], after['webhooks'], (name) => `webhook ${name}`),
  ];
  return [...new Set(lines)];
}

function serverUrls(document: Node): unknown[] {
  return list(document['servers']).map((server) => node(server)['url']);
}

function securitySchemes(document: Node): Node {
  return node(node(document['components'])['securitySchemes']);
}

/** Without descriptions. */
function facts(scheme: unknown): Node {
  return { ...node(scheme), description: '', bearerFormat: '' };
}

function pathChanges(
  place: Place,
  before: unknown,
  after: unknown,
  name: (path: string, method: string) => string,
): string[] {
  return Object.entries(node(before)).flatMap(([path, value]) => {
    const old = resolve(place.before, value);
    const now = resolve(place.after, node(after)[path]);
    return METHODS.filter((method) => method in old).flatMap((method) => {
      const label = `${name(path, method)}:`;
      return method in now
        ? operationChanges({ ...place, label }, [old, node(old[method])], [now, node(now[method])])
        : [`${label} removed`];
    });
  });
}

function operationChanges(
  place: Place,
  [oldItem, old]: [Node, Node],
  [nowItem, now]: [Node, Node],
): string[] {
  const { label, way } = place;
  const oldParameters = parameters(place.before, oldItem, old);
  const nowParameters = parameters(place.after, nowItem, now);
  const back: Place = { ...place, way: way === 'in' ? 'out' : 'in' };
  const responses = node(now['responses']);
  return [
    ...(way === 'in' ? securityChanges(place, old, now) : []),
    ...Object.keys({ ...oldParameters, ...nowParameters }).flatMap((key) =>
      valueChanges({ ...place, label: `${label} parameter ${key}` }, oldParameters[key], nowParameters[key]),
    ),
    ...valueChanges({ ...place, label: `${label} request body` }, old['requestBody'], now['requestBody']),
    ...Object.entries(node(old['responses'])).flatMap(([status, response]) => {
      const at = { ...back, label: `${label} response ${status}` };
      // A removed error does not break clients.
      return status in responses || back.way === 'in' || !/^[45]/.test(status)
        ? responseChanges(at, resolve(place.before, response), responses[status])
        : [];
    }),
  ];
}

function responseChanges(place: Place, old: Node, after: unknown): string[] {
  if (after === undefined) return [`${place.label} removed`];
  const now = resolve(place.after, after);
  return [
    ...Object.entries(node(old['headers'])).flatMap(([name, header]) =>
      valueChanges(
        { ...place, label: `${place.label} header \`${name}\`` },
        header,
        node(now['headers'])[name],
      ),
    ),
    ...contentChanges(place, old, now),
  ];
}

/** The parameters of the path and of the operation, by name and place, such as `limit` (query). */
function parameters(document: Node, ...holders: Node[]): Record<string, Node> {
  const all = holders.flatMap((holder) => list(holder['parameters'])).map((one) => resolve(document, one));
  return Object.fromEntries(all.map((one) => [`\`${String(one['name'])}\` (${String(one['in'])})`, one]));
}

/** Every credential that was sufficient must still be sufficient. */
function securityChanges({ label, before, after }: Place, old: Node, now: Node): string[] {
  const left = credentials(after, now);
  if (left.some((asked) => isDeepStrictEqual(asked, {}))) return [];
  return without(credentials(before, old), left).map((held) => {
    const names = Object.keys(node(held)).join(' and ');
    return names === '' ? `${label} security added` : `${label} security \`${names}\` no longer enough`;
  });
}

function credentials(document: Node, operation: Node): unknown[] {
  const asked = list(operation['security'] ?? document['security']);
  return asked.length === 0 ? [{}] : asked;
}

/** Changes of a parameter, a header or a request body. */
function valueChanges(place: Place, before: unknown, after: unknown): string[] {
  const { label, way } = place;
  const old = resolve(place.before, before);
  const now = resolve(place.after, after);
  if (before !== undefined && after === undefined) return [`${label} removed`];
  const lines: string[] = [];
  if (way === 'in' && now['required'] === true && old['required'] !== true)
    lines.push(`${label} became required`);
  if (before === undefined) return lines;
  if (way === 'out' && old['required'] === true && now['required'] !== true)
    lines.push(`${label} became optional`);
  for (const key of ['style', 'explode'])
    if (old[key] !== now[key]) lines.push(changed(place, key, old, now));
  if (old['schema'] !== undefined) lines.push(...schemaChanges(place, old['schema'], now['schema']));
  return [...lines, ...contentChanges(place, old, now)];
}

function contentChanges(place: Place, { content: before }: Node, { content: after }: Node): string[] {
  const types = Object.entries(node(before));
  return types.flatMap(([type, media]) => {
    if (!(type in node(after))) return [`${place.label} media type \`${type}\` removed`];
    const label = types.length === 1 ? place.label : `${place.label} ${type}`;
    return schemaChanges({ ...place, label }, node(media)['schema'], node(node(after)[type])['schema']);
  });
}

function schemaChanges(place: Place, before: unknown, after: unknown): string[] {
  if (place.within.some(([one, other]) => one === before && other === after)) return [];
  const inside = { ...place, within: [...place.within, [before, after] as const] };
  const olds = alternatives(place.before, before);
  const nows = alternatives(place.after, after);
  // Each of the narrow alternatives must fit in one of the wide ones.
  const [narrow, wide] = place.way === 'in' ? [olds, nows] : [nows, olds];
  const misfits = (one: Node, other: Node) =>
    place.way === 'in' ? keywordChanges(inside, one, other) : keywordChanges(inside, other, one);
  const pairs = narrow.flatMap((one) => wide.map((other) => [one, other] as const));
  const fitting = pairs.filter(([one, other]) => misfits(one, other).length === 0).flat();
  const spare = wide.filter((other) => !fitting.includes(other));
  return narrow
    .filter((one) => !fitting.includes(one))
    .flatMap((one) => {
      const alike = spare.findIndex((other) => other['type'] === one['type']);
      const [other] = spare.splice(Math.max(alike, 0), 1);
      if (other !== undefined) return misfits(one, other);
      const [less, type] = [place.way === 'in', (one['type'] ?? 'anything') as string];
      if (type === 'null') return [say(place, less ? 'is no longer nullable' : 'became nullable')];
      return [say(place, `${less ? 'lost' : 'gained'} the alternative ${type}`)];
    });
}

/** Changes between schemas of one type each, without choices. */
function keywordChanges(place: Place, old: Node, now: Node): string[] {
  const { way } = place;
  // The loose schema must require everything that the strict one requires.
  const [loose, strict] = way === 'in' ? [old, now] : [now, old];
  const { type } = strict;
  if (type !== undefined && type !== loose['type'] && !(type === 'number' && loose['type'] === 'integer'))
    return [changed(place, 'type', old, now)];
  const lines: string[] = [];
  for (const keyword of Object.keys(strict).filter((key) => !HANDLED_KEYWORDS.includes(key))) {
    const [bound, given] = [strict[keyword], loose[keyword]];
    const holds =
      (MINIMUMS.includes(keyword) &&
        (Number(given) >= Number(bound) || (/^min[LIP]/.test(keyword) && bound === 0))) ||
      (MAXIMUMS.includes(keyword) && Number(given) <= Number(bound)) ||
      isDeepStrictEqual(given, bound);
    if (!holds) lines.push(changed(place, keyword, old, now));
  }
  if (way === 'in' && old['default'] !== undefined && !isDeepStrictEqual(old['default'], now['default']))
    lines.push(changed(place, 'default', old, now));
  return [...lines, ...enumChanges(place, loose, strict), ...propertyChanges(place, old, now)];
}

function enumChanges(place: Place, loose: Node, strict: Node): string[] {
  if (strict['enum'] === undefined) return [];
  const [all, some] = place.way === 'in' ? ['became', 'lost'] : ['is no longer', 'gained'];
  if (loose['enum'] === undefined) return [say(place, `${all} an enum`)];
  const values = without(list(loose['enum']), list(strict['enum']));
  return values.map((value) => say(place, `enum ${some} ${JSON.stringify(value)}`));
}

function propertyChanges(place: Place, old: Node, now: Node): string[] {
  const [olds, nows] = [node(old['properties']), node(now['properties'])];
  const [loose, strict] = place.way === 'in' ? [old, now] : [now, old];
  const below = (name: string) => ({ ...place, path: place.path === '' ? name : `${place.path}.${name}` });
  const removed = without(Object.keys(olds), Object.keys(nows));
  const required = without(list(strict['required']), list(loose['required'])).map(String);
  const lines = [
    ...removed.map((name) => say(below(name), 'removed')),
    ...without(required, place.way === 'in' ? [] : removed).map((name) =>
      say(below(name), place.way === 'in' ? 'became required' : 'became optional'),
    ),
    ...Object.keys(olds)
      .filter((name) => name in nows)
      .flatMap((name) => schemaChanges(below(name), olds[name], nows[name])),
  ];
  const others = 'additionalProperties';
  if (strict[others] === false && loose[others] !== false)
    lines.push(say(place, place.way === 'in' ? 'takes no other properties' : 'may have other properties'));
  else if (typeof strict[others] === 'object' && loose[others] !== false)
    lines.push(...schemaChanges(below('*'), old[others], now[others]));
  if (strict['items'] !== undefined)
    lines.push(...schemaChanges({ ...place, path: `${place.path}[]` }, old['items'], now['items']));
  return lines;
}

function say({ label, path }: Place, what: string): string {
  return path === '' ? `${label} ${what}` : `${label} property \`${path}\` ${what}`;
}

function changed(place: Place, keyword: string, old: Node, now: Node): string {
  return say(place, `${keyword} ${text(old[keyword])} -> ${text(now[keyword])}`);
}

function text(value: unknown): string {
  if (value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function without<T>(values: T[], taken: readonly unknown[]): T[] {
  return values.filter((value) => !taken.some((one) => isDeepStrictEqual(one, value)));
}
