/** SPOOL_DIR cannot be used. The message says why. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError';
}
