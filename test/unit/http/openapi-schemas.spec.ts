import { refineSchemas } from '../../../src/http/openapi-schemas.js';

const properties = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [name, { type: 'string', description: name }]));

it.each([
  ['refers to a smaller one with the same properties', ['a', 'b'], true],
  ['does not refer to one that requires more', ['a'], false],
  ['does not refer to one that requires less', ['a', 'b', 'c'], false],
])('a schema %s', (_, required, refers) => {
  const { components } = refineSchemas({
    components: {
      schemas: {
        SmallDto: { type: 'object', properties: properties('a', 'b', 'c', 'd'), required: ['a', 'b'] },
        LargeDto: { type: 'object', properties: properties('a', 'b', 'c', 'd', 'e'), required },
      },
    },
  });

  expect('allOf' in (components['schemas']!['Large'] as object)).toBe(refers);
});
