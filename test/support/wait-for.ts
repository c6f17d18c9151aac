import { setTimeout as sleep } from 'node:timers/promises';

const MAX_INTERVAL_MS = 50;
/** In ms. Tests may stop the other clocks. */
const now = () => Number(process.hrtime.bigint() / 1_000_000n);

/**
 * Polls until a condition holds; an error counts as "not yet".
 * @throws after the time limit: the last error, or one that names the condition
 */
export async function waitFor(
  condition: string,
  holds: () => boolean | Promise<boolean>,
  timeoutSeconds = 30,
): Promise<void> {
  const start = now();
  const end = start + timeoutSeconds * 1_000;
  for (;;) {
    try {
      if (await holds()) return;
      if (now() > end) throw new Error(`timed out after ${timeoutSeconds} s waiting until ${condition}`);
    } catch (error) {
      if (now() > end) throw error;
    }
    // Polling more often would take the processor away from what the test waits for.
    await sleep(Math.min(MAX_INTERVAL_MS, 5 + (now() - start) / 10));
  }
}
