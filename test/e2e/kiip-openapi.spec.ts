import { readFileSync } from 'node:fs';
import { alternatives, node } from '../support/openapi-schema.js';
import type { Node } from '../support/openapi-schema.js';

interface Document extends Node {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  components: Record<string, Record<string, object>>;
}

/** The committed document: test/packaging/openapi-json.spec.ts proves that the build serves it. */
describe('the OpenAPI document of the Kiip calls', () => {
  const document = JSON.parse(
    readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'),
  ) as Document;

  /** Also those that it has from another schema. */
  const fieldsOf = (name: string) =>
    alternatives(document, { $ref: `#/components/schemas/${name}` })
      .flatMap(({ properties }) => Object.keys(node(properties)))
      .toSorted();

  it('has no dangling reference', () => {
    const references = Array.from(JSON.stringify(document).matchAll(/"#\/components\/(\w+)\/([^"]+)"/g));
    expect(references.length).toBeGreaterThan(100);
    for (const [, kind, name] of references) expect(Object.keys(document.components[kind!]!)).toContain(name);
  });

  it.each(['/api/v1/kiip/sessions', '/api/v1/kiip/moments'])('describes every response of %s', (path) => {
    expect(Object.keys(document.paths[path]!['post']!.responses)).toEqual(
      expect.arrayContaining(['200', '400', '401', '409', '422', '502', '503', '504']),
    );
  });

  it('names all fields as Kiip does', () => {
    const shared = ['app', 'close_button', 'connection', 'device', 'email_address', 'location', 'user'];
    expect(fieldsOf('KiipSessionRequest')).toEqual([...shared, 'events'].toSorted());
    expect(fieldsOf('KiipMomentRequest')).toEqual([...shared, 'moment'].toSorted());
    expect(fieldsOf('KiipSessionDevice')).toEqual([...fieldsOf('KiipDevice'), 'user_agent'].toSorted());
  });
});
