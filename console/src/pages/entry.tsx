import { Page } from '../parts/page.js';

export function EntryPage({ id }: { readonly id: string }) {
  return <Page title={`Entry ${id}`} />;
}
