import 'reflect-metadata';
import process from 'node:process';
import { Logger } from '@nestjs/common';
import { configWarnings, misspeltWarnings } from '../config/config-warnings.js';
import type { Config } from '../config/config.js';
import { ConfigError, EXIT_CONFIG, readConfig } from '../config/read-config.js';
import { requireNode } from '../config/require-node.js';
import { VERSION } from '../config/version.js';
import { hostOf } from '../config/secret-summaries.js';
import { checkServer } from './database-check.js';
import { checkEmbeddedDatabase } from './embedded-database-check.js';
import { failed, ok, runCheck, warning } from './finding.js';
import type { Finding } from './finding.js';
import { checkRedis } from './redis-check.js';
import { checkConsumers, checkKigo, checkKiip, checkTokenKeys } from './vendor-checks.js';

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;

// `npm run doctor`: checks the configuration and everything that the gateway needs, and says what to do. It changes nothing.
if (process.argv.length > 2) {
  process.stderr.write('Usage: npm run doctor\n');
  process.exit(EXIT_USAGE);
}
// Each finding says what there is to say.
Logger.overrideLogger(false);
// A check whose time is over may still hold a connection.
process.exit(await examine());

/** @returns the exit code */
async function examine(): Promise<number> {
  const misspelt = misspeltWarnings(process.env);
  let config: Config;
  try {
    requireNode();
    config = readConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    print(error.errors.map((text) => failed('configuration', text)));
    // What is already an error is not said twice.
    const known = new Set(error.errors.map((text) => text.split(' ')[0]));
    print(
      misspelt.filter((text) => !known.has(text.split(' ')[0])).map((text) => warning('configuration', text)),
    );
    return EXIT_CONFIG;
  }
  const warnings = [...configWarnings(config), ...misspelt];
  print([
    ok('versions', `rewards-gateway ${VERSION}, Node.js ${process.versions.node}`),
    ok('configuration', `valid, for ROLE=${config.role}; --check-config prints it`),
    ...warnings.map((text) => warning('configuration', text)),
  ]);
  // All at once: none waits for the time limit of another.
  const checks = [
    runCheck('database', () => checkDatabase(config)),
    runCheck('redis', (signal) => checkRedis(config, signal)),
    runCheck('kigo', () => checkKigo(config)),
    runCheck('kiip', () => checkKiip(config)),
    runCheck('token keys', () => checkTokenKeys(config)),
    runCheck('consumers', () => checkConsumers(config)),
  ];
  let anyFailed = false;
  for (const check of checks) {
    const findings = await check;
    print(findings);
    anyFailed ||= findings.some(({ status }) => status === 'failed');
  }
  return anyFailed ? 1 : 0;
}

function checkDatabase(config: Config): Promise<Finding[]> {
  const { databaseUrl } = config;
  return databaseUrl === undefined
    ? checkEmbeddedDatabase(config)
    : checkServer(databaseUrl, config, hostOf(databaseUrl));
}

function print(findings: readonly Finding[]): void {
  for (const { status, check, text } of findings)
    process.stdout.write(`${status.padEnd(7)} ${check}: ${text}\n`);
}
