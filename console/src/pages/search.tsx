import { Page } from '../parts/page.js';

export function SearchPage() {
  return <Page title="Search" />;
}
