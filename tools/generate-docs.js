// Writes docs/configuration.md and docs/errors.md from the built code; with --check, fails if they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { VARIABLES } from '../build/config/variables.js';
import { PROBLEMS } from '../build/problem/problem.js';

const { values: options } = parseArgs({ options: { check: { type: 'boolean' } } });

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

The environment is read once, at start. An invalid value stops the start with exit code 78 and one message that names every invalid variable and no value. \`npm start -- --check-config\` does only that, or prints the effective configuration: of a secret only what it is for, such as hosts, names of callers and consumers, and how many there are. \`npm run doctor\` then checks what the configuration leads to: see [the runbook](runbook.md#doctor).

- An empty or blank variable counts as unset.
- Times and sizes take any positive number, fractions included.
- A secret \`X\` may be given as \`X_FILE\` instead: the path of a file with the value. See [secret files](authentication.md#secret-files).

${table(['variable', 'default', 'secret', 'meaning'], rows)}
`;
}

function errorsPage() {
  const retry = { true: 'yes', false: 'no', depends: 'see `retryable`' };
  const rows = Object.entries(PROBLEMS).map(([name, { status, title, description, retryable }]) => [
    `\`${name}\``,
    String(status),
    title,
    description,
    retry[retryable],
  ]);
  return `# Errors

<!-- Generated from src/problem/ by \`npm run docs\`. Do not edit. -->

Every error is \`application/problem+json\` (RFC 9457) with \`type\`, \`title\`, \`status\`, \`detail\` and \`instance\`. \`instance\` is the request id, which is also in \`X-Request-Id\` and in each log line. \`errors\` appears in \`validation\`, \`upstream\` in every \`upstream-…\`, \`retry_after_seconds\` in every \`rate-limited\`, \`upstream-busy\` and \`storage-unavailable\`, and \`retryable\` where it may be true.

\`type\` is \`urn:rewards-gateway:problem:\` and one of these names. Titles do not change; \`detail\` is for people and may change.

${table(['name', 'status', 'title', 'when', 'worth a retry'], rows)}

Other statuses have the type \`about:blank\`: 403 (the caller lacks a scope), 408, 413, 414, 415, 431, 500, and 503 of a probe or while the keys of the token issuer are unavailable.
`;
}

function toDefault(variable) {
  if (variable.default !== undefined) return `\`${variable.default}\``;
  if (variable.defaultText !== undefined) return variable.defaultText;
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
