import { Page } from '../parts/page.js';

export function ReplayPage({ id }: { readonly id: string }) {
  return <Page title={`Replay ${id}`} />;
}
