import { Page } from '../parts/page.js';

export function QuarantinePage() {
  return <Page title="Quarantine" />;
}
