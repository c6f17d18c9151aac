import { readFileSync } from 'node:fs';
import type { Variable } from '../../src/config/variables.js';
import { table } from '../support/config.js';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The cells of every row below the heading `| variable | default | meaning |`. */
function configurationRows(): string[][] {
  const lines = readme.split('\n');
  const heading = lines.findIndex((line) => /^\|\s*variable\s*\|\s*default\s*\|\s*meaning\s*\|$/i.test(line));
  const below = lines.slice(heading + 2);
  return below
    .slice(
      0,
      below.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function shownDefault({ default: fallback, defaultFrom: derive, required }: Variable<unknown>): string {
  if (fallback !== undefined) return `\`${fallback}\``;
  if (derive) return 'host of `KIIP_BASE_URL`';
  return required ? 'required' : 'unset';
}

describe('the configuration table of the README', () => {
  const rows = configurationRows();

  it('has every variable once, in the order of the code, and no other', () => {
    expect(rows.map(([name]) => name)).toEqual(table.map(([, { env }]) => `\`${env}\``));
  });

  it.each(table)('has the right default of %s', (_, variable) => {
    const [, shown] = rows.find(([name]) => name === `\`${variable.env}\``) ?? [];
    expect(shown).toBe(shownDefault(variable));
  });

  it('says what each variable means, and which are secrets', () => {
    for (const [index, [, { secret = false }]] of table.entries()) {
      const [name, , meaning] = rows[index]!;
      expect([name, meaning!.length > 10]).toEqual([name, true]);
      expect([name, meaning!.startsWith('*secret*: ')]).toEqual([name, secret]);
    }
  });
});
