import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import type { SourceMapPayload } from 'node:module';
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
  const at = /^ +at .*?([\w.-]+\.[jt]s):(\d+):(\d+)\)?$/m.exec(frames);
  return {
    error: error.name,
    ...(typeof code === 'string' && /^[A-Z0-9][A-Z0-9_]*$/.test(code) ? { code } : {}),
    ...(at && { at: findSource(at[1]!, Number(at[2]), Number(at[3])) }),
  };
}

/** How many locations are remembered: to read a source map again for each of many errors would block for too long. */
const MAX_SOURCES = 100;
const SOURCES = new Map<string, string>();

/**
 * Where a location in a bundle comes from. Node.js could do that for every stack, with --enable-source-maps, but would then
 * read all source maps at each start.
 */
function findSource(file: string, line: number, column: number): string {
  const built = `${file}:${line}:${column}`;
  const known = SOURCES.get(built);
  if (known !== undefined) return known;
  const source = originOf(file, line, column) ?? built;
  if (SOURCES.size < MAX_SOURCES) SOURCES.set(built, source);
  return source;
}

function originOf(file: string, line: number, column: number): string | undefined {
  try {
    // All bundles are in the folder of this one, but for the programs, which are above it.
    const folder = file === 'main.js' ? '../' : './';
    const map = readFileSync(new URL(`${folder}${file}.map`, import.meta.url), 'utf8');
    const origin = new SourceMap(JSON.parse(map) as SourceMapPayload).findOrigin(line, column);
    return 'fileName' in origin
      ? `${origin.fileName.split('/').at(-1)}:${origin.lineNumber}:${origin.columnNumber}`
      : undefined;
  } catch {
    return undefined;
  }
}
