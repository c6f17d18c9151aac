// Writes docs/configuration.md and docs/errors.md from the built code; with --check, fails if they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { VARIABLES } from '../dist/config/variables.js';
import { PROBLEMS } from '../dist/problem/problem.js';

const { values: options } = parseArgs({ options: { check: { type: 'boolean' } } });

/** What a client does about each problem. */
const ADVICE = {
  validation: 'Correct what `errors` lists. Each has a JSON `pointer` and a `detail`.',
  unauthenticated: 'Send a valid API key or token.',
  'callback-signature': 'For Kiip: no configured secret made this signature.',
  'account-not-found': 'Kigo has no such user, program or account. Show no count.',
  'not-found': 'The route or the object does not exist.',
  'method-not-allowed': 'Use a method that `Allow` lists.',
  conflict:
    'The entry was decided before or cannot be released, or the first request with this `Idempotency-Key` is still in flight.',
  'outcome-unknown': 'Nobody knows whether the first request reached Kiip. It is not sent again.',
  'idempotency-key-reused': 'Use a new `Idempotency-Key` for another body.',
  'rate-limited': 'Wait for `Retry-After`.',
  'upstream-failed':
    "The upstream is unreachable, fails, breaks its contract or rejects the gateway's credentials. See `retryable`.",
  'upstream-busy': 'Wait for `Retry-After`. The upstream asked for it, or its circuit breaker is open.',
  'upstream-timeout': 'Try again later if `retryable` is `true`.',
  'storage-unavailable': 'Nothing was stored. Try again after `Retry-After`.',
};

const pages = { 'docs/configuration.md': configurationPage(), 'docs/errors.md': errorsPage() };
const stale = [];
for (const [path, content] of Object.entries(pages)) {
  const file = new URL(`../${path}`, import.meta.url);
  if (!options.check) writeFileSync(file, content);
  else if (readOrEmpty(file) !== content) stale.push(path);
}
if (stale.length > 0) {
  console.error(`${stale.join(' and ')} differ from the code. Run "npm run docs" and commit the result.`);
  process.exitCode = 1;
}

function configurationPage() {
  const rows = Object.values(VARIABLES).map((variable) => [
    `\`${variable.env}\``,
    toDefault(variable),
    variable.secret ? 'yes' : '',
    variable.description,
  ]);
  return `# Configuration

<!-- Generated from src/config/variables.ts by \`npm run docs\`. Do not edit. -->

The environment is read once, at start. An invalid value stops the start with exit code 78 and one message that names every invalid variable and no value. \`npm start -- --check-config\` does only that, or prints the effective configuration with secrets masked.

- An empty or blank variable counts as unset.
- Times and sizes take any positive number, fractions included.
- A secret \`X\` may be given as \`X_FILE\` instead: the path of a file with the value. See [secret files](authentication.md#secret-files).

${table(['variable', 'default', 'secret', 'meaning'], rows)}
`;
}

function errorsPage() {
  const rows = Object.entries(PROBLEMS).map(([name, [status, title]]) => {
    const advice = ADVICE[name];
    if (advice === undefined) throw new Error(`tools/generate-docs.js has no advice for the problem ${name}`);
    return [`\`${name}\``, String(status), title, advice];
  });
  return `# Errors

<!-- Generated from src/problem/ by \`npm run docs\`. Do not edit. -->

Every error is \`application/problem+json\` (RFC 9457) with \`type\`, \`title\`, \`status\`, \`detail\` and \`instance\`. \`instance\` is the request id, which is also in \`X-Request-Id\` and in each log line. \`errors\`, \`upstream\`, \`retryable\` and \`retry_after_seconds\` appear where they apply.

\`type\` is \`urn:rewards-gateway:problem:\` and one of these names. Titles do not change; \`detail\` is for people and may change.

${table(['name', 'status', 'title', 'what to do'], rows)}

Other statuses have the type \`about:blank\`: 403 (the caller lacks a scope), 408, 413, 414, 415, 431, 500, and 503 of a probe or while the keys of the token issuer are unavailable.
`;
}

function toDefault(variable) {
  if (variable.default !== undefined) return `\`${variable.default}\``;
  if (variable.defaultFrom) return 'host of `KIIP_BASE_URL`';
  return variable.required ? 'required' : 'unset';
}

/** A table as oxfmt writes it. */
function table(headings, rows) {
  const widths = headings.map((heading, column) =>
    Math.max(3, heading.length, ...rows.map((row) => row[column].length)),
  );
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [line(headings), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function readOrEmpty(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
