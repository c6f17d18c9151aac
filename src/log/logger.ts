import type { LoggerService } from '@nestjs/common';
import { pino, stdTimeFunctions } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { requestContext } from './request-context.js';

/** All that a line may have. A field that is missing here is missing in the log: an allow-list cannot forget a secret. */
const fields = new Set(
  (
    'msg context requestId method route status durationMs caller problem upstream operation state reason consecutiveFailures attempt waitMs ' +
    'consumer id outcome variable error code at signal address port'
  ).split(' '),
);

/** JSON, one object a line; a line written while a request is served bears its id. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: pickAllowedFields },
    // A copy: pino writes the fields of the line into it.
    mixin: () => ({ ...requestContext.getStore() }),
  };
  return pino(options, destination ?? batchedOutput());
}

/** Neither objects nor lists: they may hold anything. */
function pickAllowedFields(line: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(line))
    if (fields.has(name) && typeof value !== 'object' && typeof value !== 'function') kept[name] = value;
  return kept;
}

/**
 * Standard output, written in batches: a write for each line would cost more than all else that a cached answer takes.
 * What is not yet written at exit is written then; only SIGKILL can lose the lines of the last moment.
 */
function batchedOutput(): DestinationStream {
  return pino.destination({ sync: false, minLength: 4_096, periodicFlush: 50 });
}

/** Where Nest tells of every module and route at start. */
const bootContexts = new Set<unknown>(['InstanceLoader', 'RoutesResolver', 'RouterExplorer']);

/** Nest's own log, and everybody's `new Logger(name)`, written by pino. Stack traces are dropped: they may hold anything. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write(bootContexts.has(rest.at(-1)) ? 'debug' : 'info', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('trace', message, rest);
  }

  private write(
    level: 'info' | 'error' | 'warn' | 'debug' | 'trace',
    message: unknown,
    rest: unknown[],
  ): void {
    // Nest passes the context last, and a stack before it.
    const context = rest.at(-1);
    this.logger[level]({ context, ...toLogFields(message) });
  }
}

function toLogFields(message: unknown): object {
  if (message instanceof Error) return { msg: message.name };
  return typeof message === 'object' && message !== null ? message : { msg: message };
}
