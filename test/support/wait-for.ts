import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again, until something holds; an error counts as "not yet".
 * @throws after the time is over: the last error, or one that names what was waited for
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitSeconds = 30,
): Promise<void> {
  const end = performance.now() + limitSeconds * 1_000;
  for (;;) {
    try {
      if (await holds()) return;
      if (performance.now() > end) throw new Error(`waited ${limitSeconds} s in vain until ${what}`);
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await sleep(5);
  }
}
