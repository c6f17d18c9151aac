import { breakingChanges } from '../../tools/openapi-diff.js';

/** A schema where it comes in, and where it goes out; `others` are those it may refer to. */
function documentOf(schema: unknown, others: object = {}) {
  const content = { 'application/json': { schema } };
  return {
    paths: { '/a': { post: { requestBody: { content }, responses: { '200': { content } } } } },
    components: { schemas: others },
  };
}

const asked = 'POST /a: request body';
const answered = 'POST /a: response 200';
const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const string = { type: 'string' };

describe('a change of a schema', () => {
  it.each<[string, unknown, unknown, string[]]>([
    [
      'another type',
      string,
      { type: 'integer' },
      [`${asked} type string -> integer`, `${answered} type string -> integer`],
    ],
    ['a type', {}, string, [`${asked} type none -> string`]],
    ['no type', string, {}, [`${answered} type string -> none`]],
    ['a wider number', { type: 'integer' }, { type: 'number' }, [`${answered} type integer -> number`]],
    ['a narrower number', { type: 'number' }, { type: 'integer' }, [`${asked} type number -> integer`]],
    ['null', string, { type: ['string', 'null'] }, [`${answered} became nullable`]],
    ['no null', { type: ['string', 'null'] }, string, [`${asked} is no longer nullable`]],
    ['null by anyOf', string, { anyOf: [string, { type: 'null' }] }, [`${answered} became nullable`]],
    ['null said otherwise', { type: ['string', 'null'] }, { oneOf: [{ type: 'null' }, string] }, []],
    [
      'null in an enum',
      { enum: ['a'] },
      { type: ['string', 'null'], enum: ['a', null] },
      [`${answered} became nullable`],
    ],
    ['a type that an enum had', { enum: ['a', 1] }, { type: ['string', 'integer'], enum: [1, 'a'] }, []],
    ['null that no value is', { type: ['string', 'null'], enum: ['a'] }, { type: 'string', enum: ['a'] }, []],
    [
      'null apart from the rest',
      { type: ['string', 'null'], minLength: 1 },
      { anyOf: [{ type: 'string', minLength: 1 }, { type: 'null' }] },
      [],
    ],
    [
      'one more number',
      { type: 'number', enum: [1] },
      { type: 'number', enum: [1, 2] },
      [`${answered} enum gained 2`],
    ],
    ['one more value', { enum: ['a'] }, { enum: ['a', 'b'] }, [`${answered} enum gained "b"`]],
    [
      'one value less',
      { enum: ['a', 'b', 'c'] },
      { enum: ['a'] },
      [`${asked} enum lost "b"`, `${asked} enum lost "c"`],
    ],
    ['an enum', string, { type: 'string', enum: ['a'] }, [`${asked} became an enum`]],
    ['no enum', { type: 'string', enum: ['a'] }, string, [`${answered} is no longer an enum`]],
    ['a const as an enum', { const: 'a' }, { enum: ['a'] }, []],
    [
      'another const',
      { const: 'a' },
      { const: 'b' },
      [`${asked} enum lost "a"`, `${answered} enum gained "b"`],
    ],
    ['a lower ceiling', { maxLength: 256 }, { maxLength: 100 }, [`${asked} maxLength 256 -> 100`]],
    ['a higher ceiling', { maximum: 5 }, { maximum: 6 }, [`${answered} maximum 5 -> 6`]],
    ['a ceiling', {}, { maxItems: 5 }, [`${asked} maxItems none -> 5`]],
    ['no ceiling', { exclusiveMaximum: 5 }, {}, [`${answered} exclusiveMaximum 5 -> none`]],
    ['a higher floor', { minimum: -1 }, { minimum: 0 }, [`${asked} minimum -1 -> 0`]],
    ['a lower floor', { minItems: 2 }, { minItems: 1 }, [`${answered} minItems 2 -> 1`]],
    ['a floor that says nothing', {}, { minLength: 0 }, []],
    ['a floor', {}, { minimum: 0 }, [`${asked} minimum none -> 0`]],
    [
      'another pattern',
      { pattern: 'a' },
      { pattern: 'b' },
      [`${asked} pattern a -> b`, `${answered} pattern a -> b`],
    ],
    ['a format', string, { type: 'string', format: 'date' }, [`${asked} format none -> date`]],
    ['an unknown keyword', {}, { not: string }, [`${asked} not none -> {"type":"string"}`]],
    ['no unknown keyword', { not: string }, {}, [`${answered} not {"type":"string"} -> none`]],
    ['another default', { default: 100 }, { default: 10 }, [`${asked} default 100 -> 10`]],
    ['a default', {}, { default: 10 }, []],
    ['nothing at all', true, false, [`${asked} not none -> {}`]],
    [
      'words',
      { description: 'a', example: 1, 'x-a': 1 },
      { title: 'b', examples: [2], deprecated: true },
      [],
    ],
    ['a property', object({ a: string }), object({ a: string, b: string }), []],
    [
      'no property',
      object({ a: string }),
      object({}),
      [`${asked} property \`a\` removed`, `${answered} property \`a\` removed`],
    ],
    [
      'no property, which was required',
      object({ a: string }, { required: ['a'] }),
      object({}),
      [`${asked} property \`a\` removed`, `${answered} property \`a\` removed`],
    ],
    [
      'a required property',
      object({}),
      object({ a: string }, { required: ['a'] }),
      [`${asked} property \`a\` became required`],
    ],
    [
      'a property no longer required',
      object({ a: string }, { required: ['a'] }),
      object({ a: string }),
      [`${answered} property \`a\` became optional`],
    ],
    [
      'a property of another type',
      object({ a: object({ b: string }) }),
      object({ a: object({ b: { type: ['string', 'null'] } }) }),
      [`${answered} property \`a.b\` became nullable`],
    ],
    [
      'no other properties',
      object({}),
      object({}, { additionalProperties: false }),
      [`${asked} takes no other properties`],
    ],
    [
      'other properties',
      object({}, { additionalProperties: false }),
      object({}),
      [`${answered} may have other properties`],
    ],
    [
      'other properties of a type',
      object({}),
      object({}, { additionalProperties: string }),
      [`${asked} property \`*\` type none -> string`],
    ],
    [
      'other properties of any type',
      object({}, { additionalProperties: string }),
      object({}, { additionalProperties: true }),
      [`${answered} property \`*\` type string -> none`],
    ],
    [
      'other items',
      { items: object({ a: { maxLength: 2 } }) },
      { items: object({ a: { maxLength: 1 } }) },
      [`${asked} property \`[].a\` maxLength 2 -> 1`],
    ],
    [
      'any items',
      object({ a: { items: string } }),
      object({ a: {} }),
      [`${answered} property \`a[]\` type string -> none`],
    ],
    [
      'one more alternative',
      { oneOf: [string, { type: 'integer' }] },
      { oneOf: [{ type: 'integer' }, string, { type: 'array' }] },
      [`${answered} gained the alternative array`],
    ],
    [
      'one alternative less',
      { anyOf: [string, { type: 'integer' }] },
      { anyOf: [string] },
      [`${asked} lost the alternative integer`],
    ],
    [
      'a changed alternative',
      { oneOf: [string, { type: 'array' }] },
      { oneOf: [{ type: 'array', maxItems: 1 }, string] },
      [`${asked} maxItems none -> 1`],
    ],
    [
      'a bound around alternatives',
      { oneOf: [{ minLength: 1 }, { maxLength: 1 }] },
      { type: 'string', oneOf: [{ maxLength: 1 }, { minLength: 1 }] },
      [`${asked} type none -> string`],
    ],
    [
      'two changed alternatives',
      { oneOf: [string, { type: 'array' }] },
      {
        oneOf: [
          { type: 'array', maxItems: 1 },
          { type: 'string', maxLength: 1 },
        ],
      },
      [`${asked} maxLength none -> 1`, `${asked} maxItems none -> 1`],
    ],
    [
      'choices that leave one type',
      string,
      { allOf: [{ oneOf: [string, { type: 'integer' }] }, { anyOf: [{ type: 'boolean' }, string] }] },
      [],
    ],
    ['the same said twice', { pattern: 'a' }, { allOf: [{ pattern: 'a' }, { pattern: 'a' }] }, []],
    [
      'allOf for what it means',
      object({ a: string, b: string }, { required: ['a', 'b'] }),
      { allOf: [object({ a: string }, { required: ['a'] }), { properties: { b: string }, required: ['b'] }] },
      [],
    ],
    [
      'one more part of allOf',
      { allOf: [object({ a: string })] },
      { allOf: [object({ a: string }), object({ a: { maxLength: 1 } }, { required: ['a'] })] },
      [`${asked} property \`a\` became required`, `${asked} property \`a\` maxLength none -> 1`],
    ],
  ])('is reported when it breaks callers or receivers: %s', (_, before, after, lines) => {
    expect(breakingChanges(documentOf(before), documentOf(after))).toEqual(lines);
    expect(breakingChanges(documentOf(before), documentOf(before))).toEqual([]);
    expect(breakingChanges(documentOf(after), documentOf(after))).toEqual([]);
  });
});

it('breakingChanges rejects a schema that no value matches', () => {
  const none = documentOf({ type: 'string', allOf: [{ type: 'integer' }] });

  expect(() => breakingChanges(none, none)).toThrow('no value matches {"type":"string"');
});

/** Whose leaf is of a schema, and whose branches are trees. */
const tree = (leaf: object) =>
  documentOf(ref('tree'), {
    tree: object({ leaf, left: ref('tree'), all: { items: { anyOf: [ref('tree')] } } }),
  });

describe('a reference in a schema', () => {
  it('is resolved', () => {
    const a = (schema: object) =>
      documentOf(
        { allOf: [{ $ref: '#/components/schemas/a~1~0b' }], description: 'a' },
        { 'a/~b': ref('c'), c: schema },
      );

    expect(breakingChanges(a(string), a({ type: ['string', 'null'] }))).toEqual([
      `${answered} became nullable`,
    ]);
    expect(breakingChanges(a(string), documentOf(string))).toEqual([]);
  });

  it('may be recursive', () => {
    expect(breakingChanges(tree(string), tree({ type: ['string', 'null'] }))).toContain(
      `${answered} property \`leaf\` became nullable`,
    );
    expect(breakingChanges(tree(string), tree(string))).toEqual([]);
  });

  it('may refer to a path, and to another reference', () => {
    const pathItems = { a: { $ref: '#/components/pathItems/b' }, b: { get: {} } };
    const before = { paths: { '/a': { $ref: '#/components/pathItems/a' } }, components: { pathItems } };

    expect(breakingChanges(before, before)).toEqual([]);
    expect(breakingChanges(before, { paths: { '/a': { post: {} } } })).toEqual(['GET /a: removed']);
  });

  it('is an error when its target is missing', () => {
    expect(() => breakingChanges(documentOf(ref('none')), documentOf(ref('none')))).toThrow(
      '#/components/schemas/none has no target',
    );
  });
});

const json = (schema: object) => ({ content: { 'application/json': { schema } } });

function service() {
  return {
    servers: [{ url: '/' }],
    security: [{ key: [] as string[] }] as object[],
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key' } },
      parameters: {
        limit: { name: 'limit', in: 'query', schema: { type: 'integer', maximum: 500 } } as object,
      },
      responses: { found: json(object({ id: string })) as object },
    },
    paths: {
      '/a/{id}': {
        parameters: [{ name: 'id', in: 'path', required: true, schema: string }],
        get: {
          parameters: [{ $ref: '#/components/parameters/limit' }] as object[],
          responses: {
            '200': { $ref: '#/components/responses/found' } as object,
            '404': json(object({ title: string })),
          } as Record<string, object>,
        },
        post: {
          security: [{}] as object[],
          requestBody: { content: { ...json(string).content, 'text/plain': { schema: string } } } as object,
          responses: {
            '200': { headers: { Age: { required: true, schema: string } } as Record<string, object> },
          },
        },
      },
    } as Record<string, Record<string, unknown>>,
    webhooks: {
      issued: {
        post: {
          parameters: [{ name: 'webhook-id', in: 'header', required: true, schema: string }],
          requestBody: {
            required: true,
            ...json(object({ id: string, kind: { enum: ['a'] } }, { required: ['id'] })),
          },
          responses: { '200': {}, '410': {} } as Record<string, object>,
        },
      },
    } as Record<string, unknown>,
  };
}

type Service = ReturnType<typeof service>;
const path = '/a/{id}';

/** Puts a value where the names lead, or takes it away. */
function put(value: unknown, ...names: string[]) {
  return (document: Service) => {
    const last = names.pop()!;
    const holder = names.reduce<Record<string, unknown>>(
      (inner, name) => inner[name] as Record<string, unknown>,
      document,
    );
    if (value === undefined) delete holder[last];
    else holder[last] = value;
  };
}

const get = ['paths', path, 'get'];
const post = ['paths', path, 'post'];
const hook = ['webhooks', 'issued', 'post'];
const hookBody = [...hook, 'requestBody', 'content', 'application/json', 'schema'];

describe('a change of the API', () => {
  it.each<[string, (document: Service) => void, string[]]>([
    ['a path less', put(undefined, 'paths', path), ['GET /a/{id}: removed', 'POST /a/{id}: removed']],
    ['an operation less', put(undefined, ...get), ['GET /a/{id}: removed']],
    ['one more path', put({ get: {} }, 'paths', '/b'), []],
    ['a server less', put([{ url: '/b' }], 'servers'), ['server "/" removed']],
    [
      'a changed security scheme',
      put('basic', 'components', 'securitySchemes', 'key', 'scheme'),
      ['security scheme `key` removed or changed'],
    ],
    ['words about security', put('An API key', 'components', 'securitySchemes', 'key', 'description'), []],
    ['security', put([{ key: [] }], ...post, 'security'), ['POST /a/{id}: security added']],
    ['the common security', put(undefined, ...post, 'security'), ['POST /a/{id}: security added']],
    ['another security', put([{ token: [] }], 'security'), ['GET /a/{id}: security `key` no longer enough']],
    [
      'more security',
      put([{ key: [], token: [] }], 'security'),
      ['GET /a/{id}: security `key` no longer enough'],
    ],
    ['another security to choose', put([{ key: [] }, { token: [] }], 'security'), []],
    ['no security', put([], 'security'), []],
    [
      'a tightened parameter',
      put(100, 'components', 'parameters', 'limit', 'schema', 'maximum'),
      ['GET /a/{id}: parameter `limit` (query) maximum 500 -> 100'],
    ],
    [
      'a required parameter',
      put(true, 'components', 'parameters', 'limit', 'required'),
      ['GET /a/{id}: parameter `limit` (query) became required'],
    ],
    [
      'one more required parameter',
      put([{ name: 'b', in: 'query', required: true }], ...post, 'parameters'),
      ['POST /a/{id}: parameter `b` (query) became required'],
    ],
    [
      'one more parameter',
      put([{ name: 'b', in: 'query', schema: string, explode: false }], ...post, 'parameters'),
      [],
    ],
    ['a parameter less', put([], ...get, 'parameters'), ['GET /a/{id}: parameter `limit` (query) removed']],
    [
      'a moved parameter',
      put('header', 'components', 'parameters', 'limit', 'in'),
      ['GET /a/{id}: parameter `limit` (query) removed'],
    ],
    [
      'a parameter written otherwise',
      put(false, 'components', 'parameters', 'limit', 'explode'),
      ['GET /a/{id}: parameter `limit` (query) explode none -> false'],
    ],
    ['a parameter no longer required', put(false, 'paths', path, 'parameters', '0', 'required'), []],
    [
      'a path parameter less',
      put([], 'paths', path, 'parameters'),
      ['GET /a/{id}: parameter `id` (path) removed', 'POST /a/{id}: parameter `id` (path) removed'],
    ],
    [
      'a required body',
      put(true, ...post, 'requestBody', 'required'),
      ['POST /a/{id}: request body became required'],
    ],
    ['a body less', put(undefined, ...post, 'requestBody'), ['POST /a/{id}: request body removed']],
    [
      'a media type less',
      put(undefined, ...post, 'requestBody', 'content', 'text/plain'),
      ['POST /a/{id}: request body media type `text/plain` removed'],
    ],
    [
      'a change in one of two media types',
      put({ type: 'string', maxLength: 1 }, ...post, 'requestBody', 'content', 'text/plain', 'schema'),
      ['POST /a/{id}: request body text/plain maxLength none -> 1'],
    ],
    ['a response less', put(undefined, ...get, 'responses', '200'), ['GET /a/{id}: response 200 removed']],
    ['an error less', put(undefined, ...get, 'responses', '404'), []],
    ['one more error', put(json(string), ...get, 'responses', '409'), []],
    [
      'a changed error',
      put(json(object({})), ...get, 'responses', '404'),
      ['GET /a/{id}: response 404 property `title` removed'],
    ],
    [
      'a response elsewhere',
      put(json(object({})), 'components', 'responses', 'found'),
      ['GET /a/{id}: response 200 property `id` removed'],
    ],
    [
      'a response without content',
      put({}, ...get, 'responses', '200'),
      ['GET /a/{id}: response 200 media type `application/json` removed'],
    ],
    [
      'a header less',
      put({}, ...post, 'responses', '200', 'headers'),
      ['POST /a/{id}: response 200 header `Age` removed'],
    ],
    [
      'a header no longer required',
      put(undefined, ...post, 'responses', '200', 'headers', 'Age', 'required'),
      ['POST /a/{id}: response 200 header `Age` became optional'],
    ],
    [
      'a header of another type',
      put({ type: 'integer' }, ...post, 'responses', '200', 'headers', 'Age', 'schema'),
      ['POST /a/{id}: response 200 header `Age` type string -> integer'],
    ],
    ['a webhook less', put({}, 'webhooks'), ['webhook issued: removed']],
    [
      'a property of a webhook less',
      put(undefined, ...hookBody, 'properties', 'id'),
      ['webhook issued: request body property `id` removed'],
    ],
    [
      'an optional property of a webhook',
      put([], ...hookBody, 'required'),
      ['webhook issued: request body property `id` became optional'],
    ],
    ['one more property of a webhook', put(['id', 'kind'], ...hookBody, 'required'), []],
    [
      'one more value in a webhook',
      put(['a', 'b'], ...hookBody, 'properties', 'kind', 'enum'),
      ['webhook issued: request body property `kind` enum gained "b"'],
    ],
    ['one value less in a webhook', put(['a'], ...hookBody, 'properties', 'kind', 'enum'), []],
    [
      'a header of a webhook less',
      put([], ...hook, 'parameters'),
      ['webhook issued: parameter `webhook-id` (header) removed'],
    ],
    [
      'one more required header of a webhook',
      put({ name: 'a', in: 'header', required: true }, ...hook, 'parameters', '1'),
      [],
    ],
    [
      'an answer to a webhook less',
      put(undefined, ...hook, 'responses', '410'),
      ['webhook issued: response 410 removed'],
    ],
    [
      'an optional body of a webhook',
      put(false, ...hook, 'requestBody', 'required'),
      ['webhook issued: request body became optional'],
    ],
  ])('is reported when it breaks callers or receivers: %s', (_, change, lines) => {
    const after = service();
    change(after);

    expect(breakingChanges(service(), after)).toEqual(lines);
    expect(breakingChanges(after, after)).toEqual([]);
  });

  it('is reported with all its breaking parts', () => {
    const after = service();
    put([], 'servers')(after);
    put(undefined, ...get)(after);
    put({}, 'webhooks')(after);

    expect(breakingChanges(service(), after)).toEqual([
      'server "/" removed',
      'GET /a/{id}: removed',
      'webhook issued: removed',
    ]);
  });
});
