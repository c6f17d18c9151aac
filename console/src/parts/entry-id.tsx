import { href, segment } from '../router.js';
import { can } from '../session.js';
import { Id } from './id.js';

/** The id of a ledger entry. It leads to the entry where the credential may see it. */
export function EntryId({ id }: { readonly id: string }) {
  return can('ledger:read') ? <Id value={id} href={href(`/entries/${segment(id)}`)} /> : <Id value={id} />;
}
