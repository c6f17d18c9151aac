// Builds the client in the current folder, as its `npm run build`: dist/ gets each module of src/ and its types. It does not check
// types: `npm run lint` does. So each export says its type, as TypeScript's `isolatedDeclarations` wants it.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { isolatedDeclarationSync } from 'rolldown/experimental';

const sources = readdirSync('src').filter((name) => name.endsWith('.ts'));
const nameOf = (source) => source.replace(/\.ts$/, '');

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist');
for (const source of sources) {
  const { code, errors } = isolatedDeclarationSync(source, readFileSync(`src/${source}`, 'utf8'));
  if (errors.length > 0) throw new Error(errors.map(({ message }) => `src/${source}: ${message}`).join('\n'));
  writeFileSync(`dist/${nameOf(source)}.d.ts`, code);
}
const build = await rolldown({
  input: Object.fromEntries(sources.map((source) => [nameOf(source), `src/${source}`])),
  // The function that decorators need is brought along.
  external: /^(?!@oxc-project\/)[^./\0]/,
  platform: 'neutral',
  tsconfig: 'tsconfig.json',
});
await build.write({ dir: 'dist', format: 'esm', chunkFileNames: '[name].js' });
await build.close();
