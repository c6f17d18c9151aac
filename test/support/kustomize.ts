import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

/** The first kubectl whose kustomize reads what we write. */
const oldestMinor = 27;

/** Whether manifests can be rendered here; where not, that is said loudly. */
export function canRender(): boolean {
  const { status, stdout } = spawnSync('kubectl', ['version', '--client', '-o', 'json'], {
    encoding: 'utf8',
  });
  if (status === 0) {
    const { clientVersion } = JSON.parse(stdout) as { clientVersion: { minor: string } };
    if (Number.parseInt(clientVersion.minor, 10) >= oldestMinor) return true;
  }
  console.warn(
    `\n*** SKIPPED: every test on the manifests, because kubectl 1.${oldestMinor} or later is not installed here. ***\n`,
  );
  return false;
}

/** The resources that `kubectl kustomize` makes of a folder: below `k8s/`, or absolute. */
export function render(folder: string): unknown[] {
  const path = resolve(fileURLToPath(new URL('../../k8s', import.meta.url)), folder);
  const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', path], { encoding: 'utf8' });
  // A warning is about what a later version will refuse.
  if (status !== 0 || stderr !== '') throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as unknown);
}
