import { Copy } from '../parts/copy.js';
import { Page } from '../parts/page.js';
import { can } from '../session.js';
import { UserBalances } from './user-balances.js';
import { UserEntries } from './user-entries.js';
import { UserKigo } from './user-kigo.js';
import { UserRewards } from './user-rewards.js';
import './user.css';

/** Everything about one user. Each panel loads by itself, so that one that fails hides no other. */
export function UserPage({ id }: { readonly id: string }) {
  return (
    <Page title={`User ${id}`} actions={<Copy text={id} label="Copy the user id" />}>
      {can('kigo:read') && <UserKigo userId={id} />}
      {can('ledger:read') && (
        <>
          <UserBalances userId={id} />
          <UserRewards userId={id} />
          <UserEntries userId={id} />
        </>
      )}
    </Page>
  );
}
