// Prints the packages in the image: `npm run sbom` as CycloneDX, `npm run licences` as a list.
// Not `npm sbom --omit=dev`: npm 11 then leaves out what a development dependency uses as well, Nest itself for one.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
/** What the console is made with; its other packages only build it. */
const IN_CONSOLE = 'node_modules/preact';
const inImage = new Set(
  Object.entries(packages)
    // The workspaces have images of their own.
    .filter(([path, { link }]) => !link && (path === '' || path.startsWith('node_modules/')))
    .filter(
      ([path, { dev, optional, devOptional }]) => path === IN_CONSOLE || (!dev && !optional && !devOptional),
    )
    .map(([path, { name = path.split('node_modules/').at(-1), version }]) => `${name}@${version}`),
);
const sbom = execFileSync('npm', ['sbom', '--sbom-format=cyclonedx'], {
  encoding: 'utf8',
  maxBuffer: 2 ** 26,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const bom = JSON.parse(sbom);
const [components, dependencies] = [bom.components, bom.dependencies];
bom.components = components.filter((component) => inImage.has(component['bom-ref']));
bom.dependencies = dependencies
  .filter(({ ref }) => inImage.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => inImage.has(one)) }));

const licenceOf = ({ licenses = [] }) =>
  licenses.map(({ license, expression }) => expression ?? license.id ?? license.name).join(', ') || 'none';

if (process.argv.includes('--licences')) {
  const groups = Object.entries(Object.groupBy(bom.components, licenceOf));
  for (const [licence, components] of groups.toSorted(([, a], [, b]) => b.length - a.length)) {
    const names = components.map(({ name, version }) => `${name}@${version}`);
    process.stdout.write(`${licence} (${names.length}): ${names.join(' ')}\n`);
  }
} else {
  process.stdout.write(`${JSON.stringify(bom, undefined, 2)}\n`);
}
