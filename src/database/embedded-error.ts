/** The embedded database cannot be used, and waiting does not help. The message says what to do. */
export class EmbeddedDatabaseError extends Error {
  override readonly name = 'EmbeddedDatabaseError';
}

/** The last line of a failed program that says why, without the severity. */
export function reasonOf(output: string): string {
  const lines = output.trim().split('\n').filter(Boolean);
  const told = lines.findLast((line) => /\b(error|fatal|panic):/i.test(line)) ?? lines.at(-1) ?? 'no message';
  return told.replace(/^.*?\b(error|fatal|panic):\s*/i, '');
}
