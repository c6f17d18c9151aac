import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PROOFS } from '../support/fault-proofs.js';
import { FAULTS } from '../support/faults.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const rows = FAULTS.map(({ name }) => name);

describe('the catalogue of faults', () => {
  it('is tested by rows of the table and by tests that exist', () => {
    const missing = PROOFS.flatMap(({ by }) => by).filter((proof) =>
      'row' in proof
        ? !rows.includes(proof.row)
        : !readFileSync(root + proof.spec, 'utf8').includes(proof.test),
    );
    expect(missing).toEqual([]);
    expect(PROOFS).toHaveLength(38);
  });

  it('is on the page that the command wrote last, with all rows', () => {
    const page = readFileSync(`${root}docs/chaos.md`, 'utf8');
    const names = [...rows, ...PROOFS.map(({ fault }) => fault)];
    expect(names.filter((name) => !page.includes(`| ${name} `))).toEqual([]);
  });

  it('has names of its own, and a thousand kills', () => {
    expect(new Set(rows).size).toBe(rows.length);
    const kills = FAULTS.reduce((sum, { kills: each = 0, rounds }) => sum + each * rounds, 0);
    expect(kills).toBeGreaterThanOrEqual(1_000);
  });
});
