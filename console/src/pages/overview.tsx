import { can } from '../session.js';
import { Page } from '../parts/page.js';
import { Charts } from './overview-charts.js';
import { Consumers } from './overview-consumers.js';
import { DependencyTiles } from './overview-dependencies.js';
import { QuarantineTile } from './overview-quarantine.js';
import { Reconciliation } from './overview-reconciliation.js';
import './overview.css';

/** What is up, degraded or waiting. Each number leads to its list. */
export function OverviewPage() {
  return (
    <Page title="Overview">
      <DependencyTiles />
      {can('ledger:read') && (
        <div class="columns ledger-state">
          <QuarantineTile />
          <Reconciliation />
        </div>
      )}
      {can('deliveries:manage') && <Consumers />}
      <Charts />
    </Page>
  );
}
