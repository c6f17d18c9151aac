import { availableParallelism, totalmem } from 'node:os';
import { PROOFS } from './fault-proofs.js';
import type { Proof } from './fault-proofs.js';
import type { FaultResult } from './run-fault.js';

const HEADER = [
  'fault',
  'rounds',
  'requests',
  'acknowledged',
  'lost',
  'doubled',
  'failed',
  'added p99',
  'recovery',
];

/** Rows of a table in Markdown. */
export function tableOf(results: readonly FaultResult[]): string {
  const rows = results.map((result) => [
    result.name,
    result.rounds,
    result.requests,
    result.acknowledged,
    result.lost,
    result.doubled,
    result.failed,
    `${Math.round(result.addedP99Ms)} ms`,
    recoveryOf(result),
  ]);
  return markdown([
    HEADER,
    ...rows.map((cells) =>
      cells.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en-US') : cell)),
    ),
  ]);
}

/** docs/chaos.md */
export function pageOf(results: readonly FaultResult[], command: string, minutes: number): string {
  const sum = (figure: (result: FaultResult) => number) =>
    results.reduce((total, result) => total + figure(result), 0).toLocaleString('en-US');
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  return `# Chaos

<!-- Written by \`npm run chaos\`. Do not edit. -->

The command starts two gateways with PostgreSQL, Redis, Kigo, Kiip and a consumer, each a process of its own, and sends callbacks, counts and moments to them. Then it injects one fault after the other, at random moments, and looks for everything that was acknowledged.

\`\`\`sh
npm run chaos                                    # all faults, in about 45 minutes on two cores
npm run chaos -- --minutes 5                     # with fewer rounds
npm run chaos -- --only 'Redis is killed' --rounds 20 --seed 7
\`\`\`

\`--only\` takes part of a name, and may be given several times. The seed, which is printed, repeats the choices of a run, not its timing. It runs on Linux. The exit status is 1 when something was lost or doubled, hung, failed although it need not, or was logged as an error. Faults of a disk need the right to mount one, those of Redis \`redis-server\`; what a machine lacks is left out and named. The faults are a table in \`test/support/faults.ts\`.

## The last run

\`${command}\`, in ${Math.round(minutes)} minutes on ${availableParallelism()} cores and ${gibibytes} GiB (${process.platform} ${process.arch}, Node.js ${process.version}): **${sum(({ kills }) => kills)} kills, ${sum(({ requests }) => requests)} requests, ${sum(({ acknowledged }) => acknowledged)} acknowledged callbacks, ${sum(({ lost }) => lost)} lost, ${sum(({ doubled }) => doubled)} doubled.**

${tableOf(results)}

- **acknowledged**: callbacks that got \`200\`. Kiip sends each one until then.
- **lost**: acknowledged, and not in the ledger under the id of the response, or not delivered to the consumer.
- **doubled**: twice in the ledger, delivered under two ids, or a moment that reached Kiip twice.
- **failed**: attempts with an error or without a response. Only those may fail that need what is missing: nothing fails without Redis, and callbacks do not without Kigo, Kiip or the consumer.
- **added p99**: of successful requests during the faults, over those before the first one.
- **recovery**: from the end of a fault, the start of a killed process for instance, until both gateways record callbacks, answer counts and moments, and deliver new events; the median and, in brackets, the longest.

## The catalogue

Where each fault of the catalogue of this field is tested: a row above, or a named test.

${markdown([['', 'fault', 'tested by'], ...PROOFS.map(({ fault, by }, index) => [String(index + 1), fault, by.map(linkOf).join('; ')])])}
`;
}

function linkOf(proof: Proof): string {
  return 'row' in proof ? `"${proof.row}"` : `[${proof.test}](../${proof.spec})`;
}

const seconds = (ms = 0) => (ms / 1_000).toFixed(1);

function recoveryOf({ recoveryMs }: FaultResult): string {
  const sorted = recoveryMs.toSorted((one, other) => one - other);
  return `${seconds(sorted[Math.floor(sorted.length / 2)])} s (${seconds(sorted.at(-1))})`;
}

/** With aligned columns, as the formatter wants them. */
function markdown(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const [header, ...others] = rows.map(line);
  return [header, line(widths.map((width) => '-'.repeat(width))), ...others].join('\n');
}
