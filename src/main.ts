import process from 'node:process';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import type { Logger } from 'pino';
import { configWarnings, misspeltWarnings } from './config/config-warnings.js';
import type { Config } from './config/config.js';
import { EXIT_CONFIG, ConfigError, readConfig } from './config/read-config.js';
import { requireNode } from './config/require-node.js';
import { VERSION } from './config/version.js';
import { EmbeddedDatabaseError } from './database/embedded-error.js';
import { LISTEN_BACKLOG } from './http/server-limits.js';
import { summarizeError } from './log/error-summary.js';
import { SpoolError } from './kiip-callbacks/spool-error.js';
import { createLogger } from './log/logger.js';

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;
/**
 * V8's flags after the start. The baseline compiler takes each function when it is first called: a request runs through thousands of
 * functions, and a new pod would interpret most of them for its first hundreds of requests. The last optimizing compiler takes a function
 * after a third of the default number of calls. Lower numbers, also for the one before it, take the processor away from the first requests.
 */
const SERVING_FLAGS = [
  '--semi-space-growth-factor=2',
  '--always-sparkplug',
  '--invocation-count-for-turbofan=1000',
];
/** npm sends SIGINT again on a Ctrl-C that the terminal has already sent to us. */
const DUPLICATE_SIGINT_MS = 300;

async function serve(config: Config, logger: Logger): Promise<void> {
  let stop: ((signal: string) => Promise<void>) | undefined;
  // First of all: process 1 of a container ignores signals that have no handler.
  onStopSignal((signal) => {
    logger.info({ msg: 'stopping', signal });
    const graceMs = config.shutdownGraceSeconds * 1000;
    setTimeout(() => {
      logger.warn({ msg: 'shutdown grace period expired with requests in flight' });
      process.exit(0);
    }, graceMs);
    void Promise.resolve(stop?.(signal)).then(() => process.exit(0));
  });

  // Most of what a start allocates is dropped at once. V8 would take that for a need of a large young generation, and keep 25 MB more.
  setFlagsFromString('--semi-space-growth-factor=1');
  // Loaded only now, since it takes half a second that --check-config and configuration errors need not wait for.
  const [{ createApp, shutDown }, { startTracing }] = await Promise.all([
    import('./app.js'),
    import('./tracing/tracing.js'),
  ]);
  const tracing = await startTracing(config);
  const app = await createApp(config, logger);
  const server = app.getHttpAdapter().getInstance();
  // Not app.listen(): Nest would also log a failure, with the host.
  await server
    .listen({ port: config.port, host: config.host, backlog: LISTEN_BACKLOG })
    .catch((error: unknown) => exitOnListenError(logger, error));
  const others = await server.listenBesides().catch((error: unknown) => exitOnListenError(logger, error));
  stop = async (signal) => {
    const graceMs = config.shutdownGraceSeconds * 1000;
    // No load balancer has to notice a Ctrl-C.
    await shutDown(app, graceMs, signal === 'SIGTERM' ? graceMs / 4 : 0);
    await tracing.stop();
  };
  const { address, port } = app.getHttpServer().address() as { address: string; port: number };
  for (const listening of [{ listener: 'callers', address, port }, ...others])
    logger.info({ msg: 'listening', ...listening });
  for (const flag of SERVING_FLAGS) setFlagsFromString(flag);
}

/** Calls back at the first signal; a second one ends the process at once. */
function onStopSignal(stop: (signal: string) => void): void {
  let firstAt: number | undefined;
  const handle = (signal: string) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      stop(signal);
    } else if (signal !== 'SIGINT' || performance.now() - firstAt > DUPLICATE_SIGINT_MS) process.exit(1);
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
  // The terminal was closed.
  process.on('SIGHUP', handle);
}

const LISTEN_ERRORS: Record<string, (variable: string) => string> = {
  EADDRINUSE: (variable) => `the port in ${variable} is in use`,
  EACCES: (variable) => `this user may not listen on the port in ${variable}`,
  EADDRNOTAVAIL: () => 'HOST is not an address of this machine',
  ENOTFOUND: () => 'HOST is not an address, and no host with this name was found',
};

function exitOnListenError(logger: Logger, error: unknown): never {
  const { code } = summarizeError(error);
  const { variable = 'PORT' } = error as { variable?: string };
  const reason = LISTEN_ERRORS[code ?? '']?.(variable) ?? `the server cannot listen on HOST and ${variable}`;
  logger.fatal({ msg: `cannot listen: ${reason}`, code });
  process.exit(1);
}

/** Ends the process, to be restarted: its state is unknown after such an error. */
function crash(logger: Logger, error: unknown): never {
  if (error instanceof EmbeddedDatabaseError || error instanceof SpoolError) {
    logger.fatal({ msg: error.message });
    process.exit(1);
  }
  logger.fatal({ msg: 'unexpected error', ...summarizeError(error) });
  process.exit(1);
}

async function main(): Promise<void> {
  requireNode();
  // Rejects unknown arguments instead of starting the service.
  const { values } = parseArgs({ options: { 'check-config': { type: 'boolean' } } });
  const config = readConfig(process.env);
  const warnings = [...configWarnings(config), ...misspeltWarnings(process.env)];
  if (values['check-config']) {
    process.stdout.write(`${config.describe()}\n`);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    return;
  }
  const logger = createLogger(config.logLevel);
  const database = config.databaseUrl === undefined ? 'embedded' : 'postgresql';
  logger.info({ msg: 'starting', version: VERSION, role: config.role, database });
  for (const msg of warnings) logger.warn({ msg });
  // Unhandled rejections arrive here as well.
  process.on('uncaughtException', (error) => crash(logger, error));
  await serve(config, logger).catch((error: unknown) => crash(logger, error));
}

function exitOnStartupError(error: unknown): never {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const usage = code.startsWith('ERR_PARSE_ARGS_');
  if (!usage && !(error instanceof ConfigError)) throw error;
  process.stderr.write(usage ? `${message}\nThe only argument is --check-config.\n` : `${message}\n`);
  process.exit(usage ? EXIT_USAGE : EXIT_CONFIG);
}

await main().catch(exitOnStartupError);
