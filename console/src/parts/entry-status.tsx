import type { Schemas } from '../api.js';
import { Status } from './status.js';

/** The state of a ledger entry, and whether it is a test. */
export function EntryStatus({ entry: { status, test } }: { readonly entry: Schemas['Issuance'] }) {
  return (
    <>
      <Status value={status} {...(status === 'recorded' && { tone: 'good' })} />
      {test && (
        <>
          {' '}
          <Status value="test" />
        </>
      )}
    </>
  );
}
