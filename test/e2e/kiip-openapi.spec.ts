import { readFileSync } from 'node:fs';

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  components: {
    schemas: Record<string, { properties: Record<string, { type?: unknown; nullable?: unknown }> }>;
  };
}

/** The committed document: test/packaging/openapi-json.spec.ts proves that the build serves it. */
describe('the OpenAPI document of the Kiip calls', () => {
  const document = JSON.parse(
    readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'),
  ) as Document;

  const fieldsOf = (name: string) => Object.keys(document.components.schemas[name]!.properties).toSorted();

  it('has no dangling reference', () => {
    const names = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of names) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  it.each(['/api/v1/kiip/sessions', '/api/v1/kiip/moments'])('describes every response of %s', (path) => {
    expect(Object.keys(document.paths[path]!['post']!.responses)).toEqual(
      expect.arrayContaining(['200', '400', '401', '409', '422', '502', '503', '504']),
    );
  });

  it('names all fields as Kiip does', () => {
    const shared = ['app', 'close_button', 'connection', 'device', 'email_address', 'location', 'user'];
    expect(fieldsOf('KiipSessionRequestDto')).toEqual([...shared, 'events'].toSorted());
    expect(fieldsOf('KiipMomentRequestDto')).toEqual([...shared, 'moment'].toSorted());
    expect(fieldsOf('KiipSessionDeviceDto')).toEqual([...fieldsOf('KiipDeviceDto'), 'user_agent'].toSorted());
  });
});
