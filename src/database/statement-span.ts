import { SpanKind } from '@opentelemetry/api';
import { isTraced, withSpan } from '../tracing/span.js';
import { preparedName } from './prepared-statement.js';
import { sqlState } from './storage-error.js';

/**
 * Runs a statement in a span, if the request that needs it is traced. Statements of workers, and those for several requests at once, are
 * in no trace.
 */
export function traceStatement<T>(text: string, run: () => Promise<T>): Promise<T> {
  if (!isTraced()) return run();
  const { operation, summary } = summarizeStatement(text);
  const attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': operation,
    'db.query.summary': summary,
  };
  return withSpan(summary, { kind: SpanKind.CLIENT, attributes, describeError }, run);
}

/** The operation and its table: nothing of a text that may contain a value. */
export function summarizeStatement(text: string): { operation: string; summary: string } {
  const change = /\b(insert into|delete from|(?<!for |do |key )update)\s+"?(\w+)/i.exec(text);
  const [first = ''] = /\w+/.exec(text) ?? [];
  const operation = (
    change ? change[1]!.split(' ')[0]! : /^with$/i.test(first) ? 'select' : first
  ).toUpperCase();
  const table = change?.[2] ?? /\bfrom\s+"?(\w+)/i.exec(text)?.[1];
  const target = preparedName(text) ?? table;
  return { operation, summary: target === undefined ? operation : `${operation} ${target}` };
}

function describeError(error: unknown) {
  return { 'error.type': sqlState(error) ?? (error instanceof Error ? error.name : 'unknown') };
}
