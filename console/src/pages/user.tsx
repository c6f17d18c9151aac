import { Page } from '../parts/page.js';

export function UserPage({ id }: { readonly id: string }) {
  return <Page title={`User ${id}`} />;
}
