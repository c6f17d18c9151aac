import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { everyScope, startWorld } from '../support/gateway.js';
import { installLinks, installPacked, typeErrorsIn } from '../support/packages.js';
import type { PackedPackage } from '../support/packages.js';

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

/** What is known of a problem by its name. */
const PROBLEMS = `
import type { GatewayProblem } from '@rewards-gateway/client';

export function waitMs(problem: GatewayProblem): number {
  // @ts-expect-error a problem of any other type may have none
  const some: number = problem.retryAfterMs;
  if (problem.is('validation')) {
    // @ts-expect-error no upstream has failed
    problem.upstream satisfies 'kigo' | 'kiip';
    return problem.errors.length;
  }
  if (problem.is('upstream-busy')) {
    problem.upstream satisfies 'kigo' | 'kiip';
    problem.retryable satisfies boolean;
    problem.type satisfies 'urn:rewards-gateway:problem:upstream-busy';
  }
  if (problem.is('upstream-timeout')) {
    // @ts-expect-error nobody knows
    problem.retryAfterMs satisfies number;
    return problem.upstream.length;
  }
  // @ts-expect-error there is no such problem
  problem.is('upstream-bored');
  const limited = problem.is('rate-limited') || problem.is('upstream-busy') || problem.is('storage-unavailable');
  return limited ? problem.retryAfterMs : some;
}
`;

let folder: string;
let packed: PackedPackage;

/** The package as npm would publish it, in a folder of its own beside the packages that its README uses. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'client-package-'));
  packed = installPacked('clients/typescript', folder);
  installLinks(folder, '@nestjs', '@types');
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
});
afterAll(() => rmSync(folder, { recursive: true }));

const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });

describe('the package of the TypeScript client', () => {
  it('is made from openapi.json as it is', () => {
    expect(node(join(root, 'tools/generate-client.js'), '--check')).toMatchObject({ status: 0, stderr: '' });
  });

  it('has what it needs, and nothing else', () => {
    const { paths } = packed;

    expect(paths.filter((path) => !/^dist\/[\w-]+(\.d)?\.(js|ts)$/.test(path)).toSorted()).toEqual([
      'LICENSE',
      'README.md',
      'package.json',
    ]);
    const { exports, dependencies } = manifest;
    expect(dependencies).toBeUndefined();
    process.stdout.write(`The client has ${packed.size} bytes.\n`);
    for (const path of Object.values(exports).flatMap((conditions) => Object.values(conditions)))
      expect(paths).toContain(path.slice('./'.length));
  });

  it('needs no Node.js in its core', () => {
    const core = packed.paths.filter((path) => path.endsWith('.js') && !/token-file|nestjs/.test(path));
    for (const path of core)
      expect(readFileSync(join(packed.folder, path), 'utf8')).not.toMatch(
        /from '(?!\.)|node:|\bprocess\.env\b|\bBuffer\b/,
      );
  });

  it('compiles with the examples of its README', () => {
    const files = [
      ...examples.map((code, index) => [`example-${index}.ts`, code]),
      ['app.cts', COMMON_JS],
      ['problems.ts', PROBLEMS],
    ];
    for (const [name, code] of files) writeFileSync(join(folder, name!), code!);

    expect(typeErrorsIn(folder)).toBe('');
    expect(files).toHaveLength(6);
    const mistake = join(folder, 'mistake.ts');
    writeFileSync(mistake, `${examples[0]}count satisfies string;`);
    expect(typeErrorsIn(folder)).toContain(
      "mistake.ts:10:7: Type 'number' does not satisfy the expected type",
    );
    rmSync(mistake);
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
