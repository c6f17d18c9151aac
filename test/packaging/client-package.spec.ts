import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { everyScope, startWorld } from '../support/gateway.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const client = join(root, 'clients/typescript');
const readme = readFileSync(join(client, 'README.md'), 'utf8');
const examples = Array.from(readme.matchAll(/^```ts\n(.*?)^```$/gms), ([, code]) => code!);

const manifest = JSON.parse(readFileSync(join(client, 'package.json'), 'utf8')) as {
  types: string;
  typesVersions: Record<string, Record<string, string[]>>;
  exports: Record<string, Record<string, string>>;
  dependencies?: object;
};

/** A NestJS application that is no ES module. */
const COMMON_JS = `
import { RewardsGatewayClient } from '@rewards-gateway/client';
import { RewardsGatewayModule } from '@rewards-gateway/client/nestjs';
import { tokenFile } from '@rewards-gateway/client/token-file';
export const client = new RewardsGatewayClient({ url: 'http://127.0.0.1', token: tokenFile('token') });
export const imports = [RewardsGatewayModule.forRoot({ url: 'http://127.0.0.1', token: 'token' })];
// @ts-expect-error deliveries change their status: no feed
client.items('listDeliveries', {}, { pollMs: 1 });
client.items('listAuditEntries', {}, { pollMs: 1 });
`;

interface Package {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

let folder: string;
let packed: Package;

/** The package as npm would publish it, in a folder of its own beside the packages that its README uses. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'client-package-'));
  const npm = { cwd: client, encoding: 'utf8' } as const;
  [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], npm)) as [
    Package,
  ];
  const installed = join(folder, 'node_modules/@rewards-gateway/client');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, packed.filename), '-C', installed, '--strip-components=1']);
  for (const name of ['@nestjs', '@types'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true }));

const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });

describe('the package of the TypeScript client', () => {
  it('is made from openapi.json as it is', () => {
    expect(node(join(root, 'tools/generate-client.js'), '--check')).toMatchObject({ status: 0, stderr: '' });
  });

  it('has what it needs, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);

    expect(paths.filter((path) => !/^dist\/[\w-]+(\.d)?\.(js|ts)$/.test(path)).toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'package.json',
    ]);
    const { exports, dependencies } = manifest;
    expect(dependencies).toBeUndefined();
    process.stdout.write(`${packed.filename} has ${packed.size} bytes.\n`);
    for (const path of Object.values(exports).flatMap((conditions) => Object.values(conditions)))
      expect(paths).toContain(path.slice('./'.length));
  });

  it('needs no Node.js in its core', () => {
    const core = packed.files
      .map(({ path }) => path)
      .filter((path) => path.endsWith('.js') && !/token-file|nestjs/.test(path));
    for (const path of core)
      expect(readFileSync(join(folder, 'node_modules/@rewards-gateway/client', path), 'utf8')).not.toMatch(
        /from '(?!\.)|node:|\bprocess\.env\b|\bBuffer\b/,
      );
  });

  it('compiles with the examples of its README', () => {
    const files = [
      ...examples.map((code, index) => [`example-${index}.ts`, code]),
      ['app.cts', COMMON_JS],
    ].map(([name, code]) => {
      const file = join(folder, name!);
      writeFileSync(file, code!);
      return file;
    });
    const compilerOptions = {
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'dom'],
      types: ['node'],
      experimentalDecorators: true,
      noEmit: true,
      skipLibCheck: true,
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));

    expect(node(join(root, 'node_modules/typescript/bin/tsc'), '-p', folder).stdout).toBe('');
    expect(files).toHaveLength(5);
  });

  it('can be required, and its types are found by older resolvers', () => {
    const names = ['client', 'client/token-file', 'client/nestjs'].map((name) => `@rewards-gateway/${name}`);
    const load = names.map((name) => `require('${name}')`).join(';');
    expect(node('--input-type=commonjs', '--eval', load)).toMatchObject({ status: 0, stderr: '' });
    const { types, typesVersions } = manifest;
    expect(new Set([types, ...Object.values(typesVersions['*']!).flat()])).toEqual(
      new Set(Object.values(manifest.exports).map((conditions) => conditions['types'])),
    );
  });

  it('works as the README begins', async () => {
    const token = 'demo-key-for-this-machine-only';
    const world = await startWorld({ API_KEYS: `demo:${token}`, CALLER_SCOPES: everyScope('demo') });
    writeFileSync(
      join(folder, 'first.mjs'),
      examples[0]!.replace('http://127.0.0.1:3000', world.gateway.url),
    );
    try {
      const { stdout } = await promisify(execFile)(process.execPath, ['first.mjs'], { cwd: folder });
      expect(stdout).toBe('12\n');
    } finally {
      await world.close();
    }
  });
});
