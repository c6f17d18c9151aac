import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });

/** What must not compile. */
const MISTAKES = `
import type { components, operations } from './rewards-gateway.js';
type Schemas = components['schemas'];
declare const moment: Schemas['Moment'];
// @ts-expect-error there may be no reward
moment.reward.display_url;
declare const results: Schemas['UnviewedCountResult'];
// @ts-expect-error there may be no count
results.count;
declare const callback: Schemas['CallbackResult'];
if (callback.status === 'spooled') {
  // @ts-expect-error it has no id yet
  callback.id;
} else callback.id satisfies string;
// @ts-expect-error no such status
export const status: Schemas['IssuanceStatus'] = 'released ';
// @ts-expect-error no such problem
export const type: Schemas['ProblemType'] = 'urn:rewards-gateway:problem:none';
// @ts-expect-error no such parameter
export const query: operations['listIssuances']['parameters']['query'] = { userId: 'user-123' };
`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'openapi-clients-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('openapi.json gives clients types, which the examples of docs/clients.md compile against', () => {
  const generated = join(folder, 'rewards-gateway.ts');
  const generator = join(root, 'node_modules/openapi-typescript/bin/cli.js');
  expect(node(generator, 'openapi.json', '-o', generated)).toMatchObject({ status: 0, stderr: '' });
  const examples = readFileSync(join(root, 'docs/clients.md'), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms);
  const files = [...Array.from(examples, ([, code]) => code!), MISTAKES].map((code, index) => {
    const file = join(folder, `example-${index}.ts`);
    writeFileSync(file, code);
    return file;
  });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
  };
  const target = { module: 'nodenext', target: 'es2024', lib: ['es2024', 'dom'], types: [], noEmit: true };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, ...target }, files }),
  );
  const { stdout } = node(join(root, 'node_modules/typescript/bin/tsc'), '-p', folder);

  expect(files.length).toBeGreaterThan(3);
  expect(stdout).toBe('');
});

/** In a process of its own: Redocly loads more than tests of one file should. */
const LINT = `
  import { lint, loadConfig } from '@redocly/openapi-core';
  const config = await loadConfig({ configPath: 'redocly.yaml' });
  const problems = await lint({ ref: 'openapi.json', config });
  for (const { ruleId, message, location } of problems) console.log(ruleId, message, location[0].pointer);
`;

it('openapi.json has nothing that Redocly warns of', () => {
  expect(node('--input-type=module', '--eval', LINT)).toMatchObject({ status: 0, stdout: '', stderr: '' });
});
