import type { LoggerService } from '@nestjs/common';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import { pino, symbols } from 'pino';
import type { DestinationStream, Level, Logger } from 'pino';
import { requestContext } from './request-context.js';

/** The fields that a line may have. All others are dropped: unlike a deny-list, an allow-list cannot forget a secret. */
const ALLOWED_FIELDS = new Set(
  (
    'msg context requestId method route status durationMs caller problem upstream operation state reason consecutiveFailures attempt waitMs ' +
    'consumer id count outcome variable error code at signal listener address port version role database trace_id span_id'
  ).split(' '),
);

/** Logs JSON, one object per line. Lines that are written while a request is served have its id, and those of its trace. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${currentTime()}"`,
    formatters: { level: (label: string) => ({ level: label }), log: pickAllowedFields },
    // A copy, since pino adds the fields of the line to it.
    mixin: () => ({ ...requestContext.getStore(), ...findTraceIds() }),
  };
  return pino(options, destination ?? batchedOutput());
}

let timeOfLast = 0;
let lastTime = '';

/** In ISO format, made once a millisecond. */
function currentTime(): string {
  const now = Date.now();
  if (now !== timeOfLast) {
    timeOfLast = now;
    lastTime = new Date(now).toISOString();
  }
  return lastTime;
}

/**
 * Writes lines that are assembled as text, for what is logged with every request: pino would look up each of the fields, and to serialize
 * an object takes longer as well. The caller passes valid JSON, and only allowed fields.
 */
export function createLineWriter(logger: Logger): (level: Level, fields: string) => void {
  const stream = (logger as unknown as Record<symbol, DestinationStream>)[symbols.streamSym]!;
  return (level, fields) => {
    if (logger.isLevelEnabled(level))
      stream.write(`{"level":"${level}","time":"${currentTime()}",${fields}}\n`);
  };
}

function findTraceIds(): { trace_id: string; span_id: string } | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : undefined;
}

/** Drops objects and arrays as well, since they may contain anything. */
function pickAllowedFields(line: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(line))
    if (ALLOWED_FIELDS.has(name) && typeof value !== 'object' && typeof value !== 'function')
      kept[name] = value;
  return kept;
}

/**
 * Standard output, written in batches: one write per line would cost more than the rest of a cached response. The last lines
 * are written at exit; only SIGKILL can lose them.
 */
function batchedOutput(): DestinationStream {
  // As text, sonic-boom would copy the whole batch with each line, to count its bytes.
  const output = pino.destination({
    sync: false,
    minLength: 16_000,
    periodicFlush: 50,
    contentMode: 'buffer',
  });
  const bytes = output as { write(line: unknown): unknown };
  const stream = {
    write: (line: string) => void bytes.write(Buffer.from(line)),
    // pino calls it after a fatal line.
    flushSync: () => output.flushSync(),
  };
  return stream;
}

/** The contexts in which Nest logs every module and route at start. */
const STARTUP_CONTEXTS = new Set<unknown>(['InstanceLoader', 'RoutesResolver', 'RouterExplorer']);

/** Passes the log of Nest, and of every `new Logger(name)`, to pino. Stack traces are dropped, since they may contain anything. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.write(STARTUP_CONTEXTS.has(rest.at(-1)) ? 'debug' : 'info', message, rest);
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
    // Nest passes the context last, after the stack.
    const context = rest.at(-1);
    this.logger[level]({ context, ...toLogFields(message) });
  }
}

function toLogFields(message: unknown): object {
  if (message instanceof Error) return { msg: message.name };
  return typeof message === 'object' && message !== null ? message : { msg: message };
}
