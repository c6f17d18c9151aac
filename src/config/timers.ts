/** Node.js fires a longer timer at once. */
export const longestTimerMs = 2 ** 31 - 1;
