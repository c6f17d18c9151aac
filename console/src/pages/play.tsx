import { Page } from '../parts/page.js';

export function PlayPage() {
  return <Page title="Play" />;
}
