import { types } from 'node:util';

interface ErrorSummary {
  readonly error: string;
  readonly code?: string;
  /** File, line and column of the innermost frame that has them. */
  readonly at?: string;
}

/** What is logged about an unexpected error: its type and location. Its message and stack may contain anything, even secrets. */
export function summarizeError(error: unknown): ErrorSummary {
  // Not instanceof, since an error may come from another realm.
  if (!types.isNativeError(error)) return { error: typeof error };
  const code = 'code' in error ? error.code : undefined;
  // The stack begins with the message, which may look like a frame.
  const frames = String(error.stack).replace(error.message, '');
  const at = /^ +at .*?([\w.-]+\.[jt]s:\d+:\d+)\)?$/m.exec(frames)?.[1];
  return {
    error: error.name,
    ...(typeof code === 'string' && /^[A-Z][A-Z0-9_]*$/.test(code) ? { code } : {}),
    ...(at === undefined ? {} : { at }),
  };
}
