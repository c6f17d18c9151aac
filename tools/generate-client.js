// Writes what the packages in clients/ have of openapi.json: the types and the list of operations of the client, and the types of the
// events for the consumer kit. With --check, fails if they are stale.
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

/** The schemas that events are made of, with those that they refer to. */
const { schemas } = document.components;
const ofEvents = new Set(['CurrencyIssuedEvent', 'TestEvent']);
for (const name of ofEvents)
  for (const [, other] of JSON.stringify(schemas[name]).matchAll(/#\/components\/schemas\/(\w+)/g))
    ofEvents.add(other);
const events = {
  ...document,
  paths: {},
  webhooks: {},
  components: { schemas: Object.fromEntries([...ofEvents].map((name) => [name, schemas[name]])) },
};

const files = {
  'typescript/src/schema.ts': NOTICE + astToString(await openapiTS(document)),
  'consumer/src/schema.ts': NOTICE + astToString(await openapiTS(events)),
  'typescript/src/operations.ts': `${NOTICE}export const OPERATIONS = {\n${lines.join('')}} as const;\n`,
};
for (const [name, content] of Object.entries(files)) {
  const file = new URL(`clients/${name}`, root);
  if (!process.argv.includes('--check')) writeFileSync(file, content);
  else if (readFileSync(file, 'utf8') !== content) {
    process.stderr.write(`${name} differs from openapi.json: run npm run client and commit it.\n`);
    process.exitCode = 1;
  }
}
