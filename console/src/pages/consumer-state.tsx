import type { Schemas } from '../api.js';
import { Status } from '../parts/status.js';

/** Whether a consumer gets its events, as far as the process that answers knows. */
export function ConsumerState({ consumer: { paused, breaker } }: { readonly consumer: Schemas['Consumer'] }) {
  if (paused) return <Status value="paused" />;
  // A process that does not deliver (ROLE=api) knows no breaker.
  if (breaker === null) return <Status value="delivered by workers" tone="plain" />;
  if (breaker === 'open') return <Status value="failing" tone="bad" />;
  if (breaker === 'half-open') return <Status value="recovering" tone="warn" />;
  return <Status value="active" tone="good" />;
}
