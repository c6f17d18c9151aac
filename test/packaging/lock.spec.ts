import { readFileSync } from 'node:fs';

interface Locked {
  readonly resolved?: string;
  /** A workspace: `resolved` is its folder. */
  readonly link?: boolean;
  readonly optionalDependencies?: Record<string, string>;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

const { packages } = JSON.parse(
  readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
) as { packages: Record<string, Locked> };

describe('package-lock.json', () => {
  // npm leaves out what a registry does not offer, and `npm ci` then refuses the file.
  it('has the optional packages of every platform', () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          packages[`${path}/node_modules/${name}`] === undefined &&
          packages[`node_modules/${name}`] === undefined,
      ),
    );
    expect(missing).toEqual([]);
  });

  it('names no registry', () => {
    const downloaded = Object.values(packages).filter(({ link }) => !link);
    expect(downloaded.filter(({ resolved }) => resolved !== undefined)).toEqual([]);
  });

  // `allowScripts` of package.json is only read by npm 11 and later.
  it('has no package whose script runs on every installation, whatever npm installs it', () => {
    const withScript = Object.entries(packages).filter(
      ([, { hasInstallScript, dev, optional }]) => hasInstallScript && !dev && !optional,
    );
    expect(withScript.map(([path]) => path)).toEqual([]);
  });
});
