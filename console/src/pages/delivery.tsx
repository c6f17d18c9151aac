import { Page } from '../parts/page.js';

export function DeliveryPage({ id }: { readonly id: string }) {
  return <Page title={`Delivery ${id}`} />;
}
