/** Numbers, so that an alert can say "not closed". */
export const BREAKER_LEVELS = { closed: 0, 'half-open': 1, open: 2 } as const;
