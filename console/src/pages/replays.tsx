import { Page } from '../parts/page.js';

export function ReplaysPage() {
  return <Page title="Replays" />;
}
