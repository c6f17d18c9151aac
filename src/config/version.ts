import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';

/** The version in package.json. It is looked for, since a bundle is not as deep in its folder as this file. */
export const { version: VERSION } = JSON.parse(
  readFileSync(findPackageJSON('.', import.meta.url)!, 'utf8'),
) as { version: string };
