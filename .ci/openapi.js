// openapi.json is what callers may rely on: the document that the built gateway serves, committed.
//   node .ci/openapi.js             writes it anew, unless that breaks somebody
//   node .ci/openapi.js --breaking  writes it anew, and says what that breaks
//   node .ci/openapi.js --check     fails if it is not what is served, and says what is broken
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { createApp } from '../dist/app.js';
import { readConfig } from '../dist/config/read-config.js';
import { createLogger } from '../dist/log/logger.js';
import { breakingChanges } from '../tools/openapi-diff.ts';

const file = 'openapi.json';

/** As /openapi.json answers. Nothing is asked of a vendor or a database for it. */
async function serve() {
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
const served = await serve();
const text = `${JSON.stringify(served, undefined, 2)}\n`;
const committed = readFileSync(file, 'utf8');
const broken = breakingChanges(JSON.parse(committed), served)
  .map((line) => `  ${line}\n`)
  .join('');

if (option !== '--breaking' && broken !== '')
  fail(
    `What is served breaks what ${file} promises:\n${broken}` +
      'If it has to be: npm run openapi -- --breaking, and say so in CHANGELOG.md.',
  );
else if (option !== '--check') {
  writeFileSync(file, text);
  if (broken !== '') process.stdout.write(`Say in CHANGELOG.md what breaks:\n${broken}`);
} else if (text !== committed)
  fail(`${file} is not what is served, though nothing is broken: npm run openapi, and commit it.`);
