import { startProcess } from '../support/gateway-process.js';

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  components: {
    schemas: Record<string, { properties: Record<string, { type?: unknown; nullable?: unknown }> }>;
  };
}

/** The document of the build, because the compiler plugin of Nest writes parts of it. */
describe('the OpenAPI document of the Kiip calls', () => {
  let document: Document;

  beforeAll(async () => {
    await using gateway = startProcess();
    document = (await (await fetch(`${await gateway.url()}/openapi.json`)).json()) as Document;
  }, 30_000);

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
