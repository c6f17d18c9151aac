/** A part of the OpenAPI document: plain JSON. */
export type Node = Record<string, unknown>;

export interface Document extends Node {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly webhooks: Record<string, Record<string, Operation>>;
  readonly components: Record<string, Node>;
}

interface Operation extends Node {
  description?: string;
  readonly parameters?: Parameter[];
  readonly requestBody?: Body;
  readonly responses: Record<string, Body>;
  readonly security?: Record<string, string[]>[];
}

interface Parameter extends Node {
  readonly name: string;
  readonly in: string;
}

/** A response or a request body. */
interface Body extends Node {
  readonly headers?: Node;
  readonly content?: Record<string, Media>;
}

interface Media extends Node {
  readonly schema: { readonly $ref?: string };
  example?: unknown;
  examples?: Record<string, { value?: unknown }>;
}

/** Where something is, and its name in `components`. */
type Place = readonly [holder: object, key: string, name: string];

/**
 * Moves what operations have in common into `components`, where it is once and has a name: problems that of their examples, other
 * bodies that of their schema, everything else its own.
 */
export function shareComponents({ paths, webhooks, components }: Document): void {
  const operations = [paths, webhooks].flatMap((items) =>
    Object.values(items).flatMap((item) => Object.values(item)),
  );
  const share = (kind: string, places: Place[]) => {
    components[kind] = sortByKey(takeShared(kind, places));
  };
  for (const operation of operations) addScopes(operation);
  share('parameters', operations.flatMap(parameterPlaces));
  share(
    'responses',
    operations.flatMap(({ responses }) => bodyPlaces(responses)),
  );
  share(
    'requestBodies',
    operations.flatMap((operation) => bodyPlaces(operation).filter(([, key]) => key === 'requestBody')),
  );
  const bodies = [
    ...operations.flatMap(({ requestBody, responses }) => [requestBody ?? {}, ...Object.values(responses)]),
    ...Object.values({ ...components['responses'], ...components['requestBodies'] } as Record<string, Body>),
  ];
  share(
    'headers',
    bodies.flatMap(({ headers }) => placesIn(headers)),
  );
  const medias = bodies.flatMap(({ content = {} }) => Object.values(content));
  for (const media of medias) unwrapExample(media);
  share(
    'examples',
    medias.flatMap(({ examples }) => placesIn(examples)),
  );
}

/** Pages show the scopes of OAuth 2 alone. */
function addScopes(operation: Operation): void {
  const scopes = operation.security?.flatMap((scheme) => Object.values(scheme).flat()) ?? [];
  for (const scope of scopes)
    operation.description = `${operation.description ?? ''} Scope: \`${scope}\`.`.trim();
}

/** Those of paths stay: their names mean something on their path alone. */
function parameterPlaces({ parameters = [] }: Operation): Place[] {
  return parameters.flatMap((parameter, index): Place[] =>
    parameter.in === 'path' ? [] : [[parameters, String(index), parameter.name]],
  );
}

function bodyPlaces(holder: object): Place[] {
  return Object.entries(holder as Record<string, Body>).flatMap(([key, body]): Place[] => {
    const [media] = Object.values(body.content ?? {});
    const schema = media?.schema.$ref?.split('/').at(-1);
    const name = schema === 'Problem' ? Object.keys(media?.examples ?? {}).join('Or') : schema;
    return name === undefined ? [] : [[holder, key, name]];
  });
}

function placesIn(holder: Node = {}): Place[] {
  return Object.keys(holder).map((key): Place => [holder, key, key]);
}

/** Takes out what is at several places, and leaves references. */
function takeShared(kind: string, places: readonly Place[]): Node {
  const shared: Node = {};
  const valueAt = ([holder, key]: Place) => (holder as Node)[key];
  const groups = Map.groupBy(places, (place) => `${place[2]} ${JSON.stringify(valueAt(place))}`);
  for (const group of groups.values()) {
    const [first] = group as [Place];
    const [, , name] = first;
    if (group.length === 1) continue;
    if (name in shared) throw new Error(`Several ${kind} are called ${name}: give them names of their own.`);
    shared[name] = valueAt(first);
    for (const [holder, key] of group) (holder as Node)[key] = { $ref: `#/components/${kind}/${name}` };
  }
  return shared;
}

/** A name is for one of several. */
function unwrapExample(media: Media): void {
  const [example, ...others] = Object.values(media.examples ?? {});
  if (!example || others.length > 0) return;
  media.example = example.value;
  delete media.examples;
}

export function sortByKey(node: Node): Node {
  return Object.fromEntries(Object.entries(node).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
