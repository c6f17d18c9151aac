import process from 'node:process';
import { parseArgs } from 'node:util';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { createApp } from './app.js';
import { cautions } from './config/cautions.js';
import type { Config } from './config/config.js';
import { badConfiguration, ConfigError, readConfig } from './config/read-config.js';
import { longestTimerMs } from './config/timers.js';
import { DataFolderUnusable } from './database/data-folder-lock.js';
import { DeliveryWorker } from './delivery/delivery-worker.js';
import { Drain } from './drain.js';
import { Lifecycle } from './health/lifecycle.js';
import { factsOf } from './log/error-facts.js';
import { createLogger } from './log/logger.js';
import { startTracing } from './tracing/tracing.js';

/** EX_USAGE of sysexits.h. */
const badUsage = 64;
/** How long a client may still send on a connection that is open but idle. */
const lingerMs = 1_000;
/** npm passes a Ctrl-C on that the terminal has sent to us as well. */
const echoMs = 300;

async function serve(config: Config, logger: Logger): Promise<void> {
  let stop: (() => Promise<void>) | undefined;
  // Before anything else: as process 1 of a container, signals without a handler would be ignored.
  onStopSignal((signal) => {
    logger.info({ msg: 'stopping', signal });
    const graceMs = Math.min(config.shutdownGraceSeconds * 1000, longestTimerMs);
    setTimeout(() => {
      logger.warn({ msg: 'requests were still under way when the time to drain was over' });
      process.exit(0);
    }, graceMs);
    void Promise.resolve(stop?.()).then(() => process.exit(0));
  });

  const tracing = await startTracing(config);
  const app = await createApp(config, logger);
  const drain = new Drain(app.getHttpServer());
  const server = app.getHttpAdapter().getInstance();
  // Not app.listen(): Nest would log a failure as well, with the host in it.
  await server
    .listen({ port: config.port, host: config.host })
    .catch((error: unknown) => cannotListen(logger, error));
  stop = async () => {
    await shutDown(app, drain, config.shutdownGraceSeconds * 1000);
    await tracing.stop();
  };
  const { address, port } = app.getHttpServer().address() as { address: string; port: number };
  logger.info({ msg: 'listening', address, port });
}

async function shutDown(app: NestFastifyApplication, drain: Drain, graceMs: number): Promise<void> {
  app.get(Lifecycle).draining = true;
  // Nothing new is claimed from now on; others take over.
  const deliveries = app.get(DeliveryWorker).stop();
  await drain.untilQuiet(Math.min(lingerMs, graceMs / 4), graceMs / 2);
  await deliveries;
  // The server first, and what it still answers: app.close() alone would disconnect the stores before.
  await app.getHttpAdapter().close();
  await app.close();
}

/** Calls back at the first signal; who asks twice does not want to wait. */
function onStopSignal(stop: (signal: string) => void): void {
  let firstAt: number | undefined;
  const handle = (signal: string) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      stop(signal);
    } else if (signal !== 'SIGINT' || performance.now() - firstAt > echoMs) process.exit(1);
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}

const listenFaults: Record<string, string> = {
  EADDRINUSE: 'the port in PORT is taken',
  EACCES: 'this user may not open the port in PORT',
  EADDRNOTAVAIL: 'HOST is no address of this machine',
  ENOTFOUND: 'HOST is no address, and no name that can be found',
};

function cannotListen(logger: Logger, error: unknown): never {
  const facts = factsOf(error);
  const reason = listenFaults[facts.code ?? ''] ?? 'the server cannot listen on HOST and PORT';
  logger.fatal({ msg: `cannot listen: ${reason}`, code: facts.code });
  process.exit(1);
}

/** The state of the process is unknown after such an error: end, and be started again. */
function endUnexpectedly(logger: Logger, error: unknown): never {
  if (error instanceof DataFolderUnusable) {
    logger.fatal({ msg: error.message });
    process.exit(1);
  }
  logger.fatal({ msg: 'unexpected error', ...factsOf(error) });
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
  for (const msg of cautions(config)) logger.warn({ msg });
  // Unhandled rejections arrive here too.
  process.on('uncaughtException', (error) => endUnexpectedly(logger, error));
  await serve(config, logger).catch((error: unknown) => endUnexpectedly(logger, error));
}

function reportBadStart(error: unknown): never {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const usage = code.startsWith('ERR_PARSE_ARGS_');
  if (!usage && !(error instanceof ConfigError)) throw error;
  process.stderr.write(usage ? `${message}\nThe only argument is --check-config.\n` : `${message}\n`);
  process.exit(usage ? badUsage : badConfiguration);
}

await main().catch(reportBadStart);
