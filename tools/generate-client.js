// Writes what the client in clients/typescript has of openapi.json: its types, and the list of its operations. With --check, fails if
// they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import openapiTS, { astToString } from 'openapi-typescript';

const root = new URL('../', import.meta.url);
const document = JSON.parse(readFileSync(new URL('openapi.json', root), 'utf8'));
const NOTICE = '// Made from openapi.json by `npm run client`. Do not edit.\n';

/** A parameter may be a reference. */
const nameOf = ({ name, $ref }) => name ?? document.components.parameters[$ref.split('/').at(-1)].name;

/** Those that callers use. */
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  path.startsWith('/api/')
    ? Object.entries(item).map(([method, { operationId, parameters = [] }]) => [
        operationId,
        {
          method: method.toUpperCase(),
          path,
          ...(parameters.some((one) => nameOf(one) === 'Idempotency-Key') && { keyed: true }),
        },
      ])
    : [],
);
const lines = operations.map(([name, operation]) => `  ${name}: ${JSON.stringify(operation)},\n`);

const files = {
  'schema.ts': NOTICE + astToString(await openapiTS(document)),
  'operations.ts': `${NOTICE}export const OPERATIONS = {\n${lines.join('')}} as const;\n`,
};
for (const [name, content] of Object.entries(files)) {
  const file = new URL(`clients/typescript/src/${name}`, root);
  if (!process.argv.includes('--check')) writeFileSync(file, content);
  else if (readFileSync(file, 'utf8') !== content) {
    process.stderr.write(`${name} differs from openapi.json: run npm run client and commit it.\n`);
    process.exitCode = 1;
  }
}
