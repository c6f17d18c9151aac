import { startProcess } from '../support/gateway-process.js';

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>;
  components: {
    schemas: Record<string, { properties: Record<string, { type?: unknown; nullable?: unknown }> }>;
  };
}

/** Of the build: the compiler plugin writes half of it. */
describe('the description of the Kiip calls', () => {
  let document: Document;

  beforeAll(async () => {
    await using gateway = startProcess();
    document = (await (await fetch(`${await gateway.url()}/openapi.json`)).json()) as Document;
  }, 30_000);

  const membersOf = (name: string) => Object.keys(document.components.schemas[name]!.properties).toSorted();

  it('refers to nothing that is not there', () => {
    const names = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of names) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  it.each(['/api/v1/kiip/sessions', '/api/v1/kiip/moments'])('tells of every answer of %s', (path) => {
    expect(Object.keys(document.paths[path]!['post']!.responses)).toEqual(
      expect.arrayContaining(['200', '400', '401', '409', '422', '502', '503', '504']),
    );
  });

  it('tells of all members by the vendor’s names', () => {
    const shared = ['app', 'close_button', 'connection', 'device', 'email_address', 'location', 'user'];
    expect(membersOf('KiipSession')).toEqual([...shared, 'events'].toSorted());
    expect(membersOf('KiipMoment')).toEqual([...shared, 'moment'].toSorted());
    expect(membersOf('KiipSessionDevice')).toEqual([...membersOf('KiipDevice'), 'user_agent'].toSorted());
  });
});
