import { readFile } from 'node:fs/promises';

/** For `token`: reads a file for each request, such as a projected service account token, which Kubernetes replaces. */
export function tokenFile(path: string): () => Promise<string> {
  return async () => (await readFile(path, 'utf8')).trim();
}
