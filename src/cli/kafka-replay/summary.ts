import type { ReplayResult, TableOutcome } from '../../kafka/replay/replay-records.ts';
import { describeError } from '../describe-error.ts';
import { formatCount, formatRows, printable } from '../format.ts';
import type { Terminal } from '../terminal.ts';

/** What became of the records of a table, over all steps. */
export interface TableSum {
  records: number;
  present: number;
  written: number;
  dropped: number;
  readonly failed: Map<string, number>;
  /** Why steps could not write to it, each reason once. */
  readonly errors: Set<string>;
}

/** Sums up the steps of a replay, by table. */
export class ReplaySums {
  readonly tables = new Map<string, TableSum>();
  /** Records whose topic has no rule. */
  unrouted = 0;

  add(result: Pick<ReplayResult, 'tables' | 'unrouted'>): void {
    this.unrouted += result.unrouted;
    for (const outcome of result.tables) this.#addTable(outcome);
  }

  /** Whether all is where it belongs. */
  get isComplete(): boolean {
    return (
      this.unrouted === 0 && [...this.tables.values()].every(({ failed, errors }) => failed.size + errors.size === 0)
    );
  }

  #addTable({ table, records, present, written, dropped, failed, error }: TableOutcome): void {
    const sum = this.tables.get(table) ?? newSum();
    this.tables.set(table, sum);
    sum.records += records;
    sum.present += present;
    sum.written += written;
    sum.dropped += dropped;
    for (const [code, count] of Object.entries(failed)) sum.failed.set(code, (sum.failed.get(code) ?? 0) + count);
    if (error !== undefined) sum.errors.add(describeError(error)[0] ?? '');
  }
}

function newSum(): TableSum {
  return { records: 0, present: 0, written: 0, dropped: 0, failed: new Map(), errors: new Set() };
}

/** A line for each table, and for what went wrong with it. */
export function sumLines({ tables, unrouted }: ReplaySums, isDryRun: boolean, { style }: Terminal): string[] {
  const rows: string[][] = [];
  const errors: string[] = [];
  for (const [table, { records, present, written, dropped, failed, errors: reasons }] of tables) {
    const codes = [...failed].map(([code, count]) => `${formatCount(count)} ${code}`).join(', ');
    rows.push([
      printable(table),
      `${formatCount(records)} records:`,
      `${formatCount(present)} present,`,
      `${formatCount(written)} ${isDryRun ? 'to be written' : 'written'},`,
      (dropped === 0 ? '' : `${formatCount(dropped)} left out by the rule, `) +
        (codes === '' ? 'none failed' : style.yellow(`failed: ${codes}`)),
    ]);
    for (const reason of reasons) errors.push(style.red(`  ${printable(table)}: ${printable(reason)}`));
  }
  const lines = formatRows(rows, [{}, { align: 'right' }, { align: 'right' }, { align: 'right' }]);
  if (unrouted > 0) errors.push(style.yellow(`  ${formatCount(unrouted)} records of topics that have no rule stay`));
  return [...lines.map((line) => `  ${line}`), ...errors];
}

/** The same as values of a JSON object. */
export function sumJson({ tables, unrouted }: ReplaySums) {
  return {
    tables: [...tables].map(([table, { failed, errors, ...counts }]) => ({
      table,
      ...counts,
      failed: Object.fromEntries(failed),
      errors: [...errors],
    })),
    unrouted,
  };
}
