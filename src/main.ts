import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { configWarnings } from './config/config-warnings.js';
import type { Config } from './config/config.js';
import { EXIT_CONFIG, ConfigError, readConfig } from './config/read-config.js';
import { DataFolderUnusable } from './database/data-dir-lock.js';
import { summarizeError } from './log/error-facts.js';
import { createLogger } from './log/logger.js';

/** EX_USAGE of sysexits.h. */
const EXIT_USAGE = 64;
/** npm passes a Ctrl-C on that the terminal has sent to us as well. */
const DUPLICATE_SIGINT_MS = 300;

async function serve(config: Config, logger: Logger): Promise<void> {
  let stop: (() => Promise<void>) | undefined;
  // Before anything else: as process 1 of a container, signals without a handler would be ignored.
  onStopSignal((signal) => {
    logger.info({ msg: 'stopping', signal });
    const graceMs = config.shutdownGraceSeconds * 1000;
    setTimeout(() => {
      logger.warn({ msg: 'shutdown grace period expired with requests in flight' });
      process.exit(0);
    }, graceMs);
    void Promise.resolve(stop?.()).then(() => process.exit(0));
  });

  // Loaded only now: that takes a second, for which neither a check of the configuration nor a slip in it has to wait.
  const [{ createApp, createShutdown: closerOf }, { startTracing }] = await Promise.all([
    import('./app.js'),
    import('./tracing/tracing.js'),
  ]);
  const tracing = await startTracing(config);
  const app = await createApp(config, logger);
  const close = closerOf(app);
  const server = app.getHttpAdapter().getInstance();
  // Not app.listen(): Nest would log a failure as well, with the host in it.
  await server
    .listen({ port: config.port, host: config.host })
    .catch((error: unknown) => exitOnListenError(logger, error));
  stop = async () => {
    await close(config.shutdownGraceSeconds * 1000);
    await tracing.stop();
  };
  const { address, port } = app.getHttpServer().address() as { address: string; port: number };
  logger.info({ msg: 'listening', address, port });
}

/** Calls back at the first signal; who asks twice does not want to wait. */
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
}

const LISTEN_ERRORS: Record<string, string> = {
  EADDRINUSE: 'the port in PORT is taken',
  EACCES: 'this user may not open the port in PORT',
  EADDRNOTAVAIL: 'HOST is no address of this machine',
  ENOTFOUND: 'HOST is no address, and no name that can be found',
};

function exitOnListenError(logger: Logger, error: unknown): never {
  const facts = summarizeError(error);
  const reason = LISTEN_ERRORS[facts.code ?? ''] ?? 'the server cannot listen on HOST and PORT';
  logger.fatal({ msg: `cannot listen: ${reason}`, code: facts.code });
  process.exit(1);
}

/** The state of the process is unknown after such an error: end, and be started again. */
function crash(logger: Logger, error: unknown): never {
  if (error instanceof DataFolderUnusable) {
    logger.fatal({ msg: error.message });
    process.exit(1);
  }
  logger.fatal({ msg: 'unexpected error', ...summarizeError(error) });
  process.exit(1);
}

async function main(): Promise<void> {
  // An argument with a slip in it must not start the service.
  const { values } = parseArgs({ options: { 'check-config': { type: 'boolean' } } });
  const config = readConfig(process.env);
  if (values['check-config']) {
    process.stdout.write(`${config.describe()}\n`);
    return;
  }
  const logger = createLogger(config.logLevel);
  for (const msg of configWarnings(config)) logger.warn({ msg });
  // Unhandled rejections arrive here too.
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
