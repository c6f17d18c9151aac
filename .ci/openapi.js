// openapi.json is the contract with callers: the document that the built gateway serves, committed.
//   node .ci/openapi.js             updates it, unless there is a breaking change
//   node .ci/openapi.js --breaking  updates it, and lists the breaking changes
//   node .ci/openapi.js --check     fails if it is out of date, and lists the breaking changes
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { createApp } from '../dist/app.js';
import { readConfig } from '../dist/config/read-config.js';
import { createLogger } from '../dist/log/logger.js';
import { breakingChanges } from '../tools/openapi-diff.ts';

const file = 'openapi.json';

/** Returns /openapi.json. Needs no upstream and no database. */
async function getServedDocument() {
  const config = readConfig({
    KIGO_BASE_URL: 'http://127.0.0.1:9',
    KIGO_PARTNER_ID: 'openapi',
    KIGO_API_KEY: 'openapi',
    KIIP_APP_KEY: 'openapi',
    KIIP_APP_SECRETS: 'openapi',
    API_KEYS: 'openapi:openapi',
    DATABASE_URL: 'postgres://127.0.0.1:1/none',
  });
  const app = await createApp(config, createLogger('fatal'));
  try {
    return (await app.inject({ url: '/openapi.json' })).json();
  } finally {
    await app.close();
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

const [option] = process.argv.slice(2);
const served = await getServedDocument();
const text = `${JSON.stringify(served, undefined, 2)}\n`;
const committed = readFileSync(file, 'utf8');
const broken = breakingChanges(JSON.parse(committed), served)
  .map((line) => `  ${line}\n`)
  .join('');

if (option !== '--breaking' && broken !== '')
  fail(
    `The served API breaks ${file}:\n${broken}` +
      'If that is intended, run npm run openapi -- --breaking and list the changes in CHANGELOG.md.',
  );
else if (option !== '--check') {
  writeFileSync(file, text);
  if (broken !== '') process.stdout.write(`Breaking changes, to be listed in CHANGELOG.md:\n${broken}`);
} else if (text !== committed)
  fail(`${file} is out of date, without breaking changes: run npm run openapi and commit it.`);
