// openapi.json is the contract with callers, and what the gateway serves. It is made from the controllers and DTOs that
// `nest build` has compiled, with its plugin that reads their types and comments.
//   node .ci/openapi.js             updates it, unless there is a breaking change
//   node .ci/openapi.js --breaking  updates it, and lists the breaking changes
//   node .ci/openapi.js --check     fails if it is out of date, and lists the breaking changes
//   node .ci/openapi.js --since v1  fails if there is a breaking change since that tag, and updates nothing
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { createApp } from '../build/app.js';
import { readConfig } from '../build/config/read-config.js';
import { describeApi } from '../build/http/openapi-document.js';
import { createLogger } from '../build/log/logger.js';
import { breakingChanges } from '../tools/openapi-diff.ts';

const file = 'openapi.json';

/** Needs no upstream and no database. */
async function describeBuild() {
  const config = readConfig({
    KIGO_BASE_URL: 'http://127.0.0.1:9',
    KIGO_PARTNER_ID: 'openapi',
    KIGO_API_KEY: 'openapi',
    KIIP_BASE_URL: 'http://127.0.0.1:9',
    KIIP_APP_KEY: 'openapi',
    KIIP_APP_SECRETS: 'openapi',
    API_KEYS: 'openapi:openapi',
    DATABASE_URL: 'postgres://127.0.0.1:1/none',
  });
  const app = await createApp(config, createLogger('fatal'));
  try {
    // As it is served: without what JSON leaves out.
    return JSON.parse(JSON.stringify(describeApi(app)));
  } finally {
    await app.close();
  }
}

/** Without spaces, and on one line what is short or an example: small, and a diff still shows what changed. */
function print(value, key = '') {
  const line = JSON.stringify(value);
  if (typeof value !== 'object' || value === null || line.length <= 240 || ['example', 'value'].includes(key))
    return line;
  const isList = Array.isArray(value);
  const members = Object.entries(value);
  const label = (name) => (isList ? '' : `${JSON.stringify(name)}:`);
  const [opening, closing] = isList ? '[]' : '{}';
  const [[only, inner]] = members;
  if (members.length === 1) return opening + label(only) + print(inner, only) + closing;
  const lines = members.map(([name, part]) => `${label(name)}${print(part, name)}`);
  return `${opening}\n${lines.join(',\n')}\n${closing}`;
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

const [option, tag] = process.argv.slice(2);
const described = await describeBuild();
const text = `${print(described)}\n`;
const committed = readFileSync(file, 'utf8');
const before =
  option === '--since'
    ? execFileSync('git', ['show', `${tag}:${file}`], { encoding: 'utf8', maxBuffer: 2 ** 24 })
    : committed;
const broken = breakingChanges(JSON.parse(before), described)
  .map((line) => `  ${line}\n`)
  .join('');

if (option === '--since') {
  if (broken !== '') fail(`Breaking changes since ${tag}:\n${broken}`);
} else if (option !== '--breaking' && broken !== '')
  fail(
    `The code breaks ${file}:\n${broken}` +
      'If that is intended, run npm run openapi -- --breaking and list the changes in CHANGELOG.md.',
  );
else if (option !== '--check') {
  writeFileSync(file, text);
  if (broken !== '') process.stdout.write(`Breaking changes, to be listed in CHANGELOG.md:\n${broken}`);
} else if (text !== committed)
  fail(`${file} is out of date, without breaking changes: run npm run openapi and commit it.`);
