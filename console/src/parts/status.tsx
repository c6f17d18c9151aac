export type Tone = 'good' | 'warn' | 'bad' | 'plain';

const TONES: Record<string, Tone> = {
  up: 'good',
  closed: 'good',
  credited: 'good',
  recorded: 'good',
  delivered: 'good',
  completed: 'good',
  finished: 'good',
  released: 'good',
  verified: 'good',
  degraded: 'warn',
  'half-open': 'warn',
  pending: 'warn',
  quarantined: 'warn',
  paused: 'warn',
  running: 'warn',
  waiting: 'warn',
  stale: 'warn',
  down: 'bad',
  open: 'bad',
  dead: 'bad',
  failed: 'bad',
  rejected: 'bad',
};

/** A state as a coloured label; the text says it too. */
export function Status({ value, tone }: { readonly value: string; readonly tone?: Tone }) {
  return <span class={`status ${tone ?? TONES[value] ?? 'plain'}`}>{value.replaceAll('_', ' ')}</span>;
}
