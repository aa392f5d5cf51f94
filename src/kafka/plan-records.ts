import type { StructType } from '../delta/schema.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import type { RowWriter } from '../parquet/write/row-writer.ts';
import type { DeadLetter } from './dead-letters.ts';
import type { RoutedRecord } from './decode/decode-record.ts';
import { PayloadError } from './decode/payload-error.ts';
import { ColumnPlan } from './rows/column-plan.ts';
import type { Layout } from './rows/layout.ts';
import { textProblem } from './rows/metadata-columns.ts';
import { NewColumns } from './rows/new-columns.ts';
import { BatchFullError, ROW_LIMITS, RowBuilder, type RowLimits } from './rows/row-builder.ts';
import type { Rule } from './rule.ts';

/** The rows of records, ready to be written. */
export interface RowPlan {
  /** By the folders of their partition, below the table's root. */
  readonly files: ReadonlyMap<string, RowWriter>;
  /** Columns of the files. */
  readonly schema: StructType;
  readonly rejected: readonly DeadLetter[];
  /** How many of the records are dealt with; the others are for the next commit. */
  readonly planned: number;
  /** Records that became rows, and rows. */
  readonly taken: number;
  readonly rows: number;
  /** Records of which the rule wants no row. */
  readonly dropped: number;
  /** Time of the oldest record that became a row, ms since the epoch. */
  readonly oldest: number | undefined;
}

/** Plans are made anew when records bring columns along; types only ever widen, so that a few are enough. */
const MAX_PLANS = 32;

/**
 * Makes rows of records, which the rule is prepared for. The columns are those of the table; when records have others,
 * it is done again with those. Stops where the limits are reached, but not before the first record. `now` in ms since the
 * epoch.
 */
export function planRows(
  rule: Rule,
  records: readonly RoutedRecord[],
  head: Pick<Snapshot, 'schema' | 'metadata'> | undefined,
  now: number,
  limits: RowLimits = ROW_LIMITS,
): RowPlan {
  const table = head && dataColumns(head);
  const layout = rule.layoutOf(head);
  const news = new NewColumns(rule.config.maxColumns, table && decodedColumns(rule, table));
  for (let plans = 0; plans < MAX_PLANS; plans++) {
    const columns = new ColumnPlan({
      rule: rule.config,
      metadata: rule.metadata.fields,
      names: layout.names,
      table,
      news,
    });
    const hidesValue = hasNoValueColumn(rule, table);
    const plan = applyRule(rule, { columns, layout, news, records, now, limits, hidesValue });
    if (!news.takeGrowth()) return plan;
  }
  throw new Error(`the columns of ${records.length} records of the topic ${records[0]?.topic} did not settle`);
}

function decodedColumns({ metadata }: Rule, { fields }: StructType): StructType {
  const names = new Set(metadata.fields.map(({ name }) => name));
  return { type: 'struct', fields: fields.filter(({ name }) => !names.has(name)) };
}

/** Records between two looks at how much there is. */
const LOOK_EVERY = 64;
/** Bytes of a value, packed perhaps, that can become very many. */
const LARGE_VALUE = 16 * 1024;

function dataColumns({ schema, metadata }: Pick<Snapshot, 'schema' | 'metadata'>): StructType {
  const partitions = new Set(metadata.partitionColumns);
  return { type: 'struct', fields: schema.fields.filter(({ name }) => !partitions.has(name)) };
}

/** A row in a table that has no column, even after all records were seen. */
function withoutValues(): PayloadError {
  return new PayloadError('TYPE_MISMATCH', 'no field has a value, and the table has no column: expected one at least');
}

interface Attempt {
  readonly columns: ColumnPlan;
  readonly layout: Layout;
  readonly news: NewColumns;
  readonly records: readonly RoutedRecord[];
  readonly now: number;
  readonly limits: RowLimits;
  /** Whether a value would be in the files and in no column of the table. */
  readonly hidesValue: boolean;
}

/** Whether nothing decodes the values, and the table has no column for them and gets none. */
function hasNoValueColumn({ config }: Rule, table: StructType | undefined): boolean {
  if (table === undefined || config.schemaPolicy !== 'fixed' || config.value === 'omit') return false;
  const name = `${config.metadataPrefix}value`.toLowerCase();
  return !table.fields.some((field) => field.name.toLowerCase() === name);
}

const HIDDEN_VALUE = {
  code: 'UNKNOWN_COLUMN',
  message:
    "the table has no column for the value and gets none (schemaPolicy is 'fixed'): give the rule a format, or value: 'omit'",
} as const;

function applyRule(rule: Rule, attempt: Attempt): RowPlan {
  const { columns, layout, news, records, now, limits, hidesValue } = attempt;
  const builder = new RowBuilder({
    plan: columns,
    limits,
    metadata: rule.metadata,
    folderOf: layout.folderOf,
    jsonRow: rule.jsonRow,
  });
  const rejected: DeadLetter[] = [];
  let taken = 0;
  let rows = 0;
  let dropped = 0;
  let oldest: number | undefined;
  const hasTexts = rule.config.key === 'string' || rule.config.value === 'string';
  let planned = 0;
  for (const record of records) {
    // To look is not for free; behind large values it is worth it each time.
    const isTime = planned % LOOK_EVERY === 0 || (record.value?.length ?? 0) > LARGE_VALUE;
    if (isTime && planned > 0 && builder.isFull) break;
    planned++;
    if (hidesValue && record.value !== undefined) {
      rejected.push({ record, problem: HIDDEN_VALUE });
      continue;
    }
    const text = hasTexts ? textProblem(record, rule.config) : undefined;
    if (text !== undefined) {
      rejected.push({ record, problem: { code: 'INVALID_UTF8', message: text } });
      continue;
    }
    try {
      const decoded = rule.decode(record);
      builder.append(record, decoded, now);
      news.settle(true);
      if (decoded.rows.length === 0) {
        dropped++;
        continue;
      }
      if (columns.schema.fields.length === 0) throw withoutValues();
      rows += decoded.rows.length;
    } catch (error) {
      if (error instanceof BatchFullError) {
        news.settle(false);
        planned--;
        break;
      }
      if (!(error instanceof PayloadError)) throw error;
      news.settle(false);
      rejected.push({ record, problem: error });
      continue;
    }
    taken++;
    if (record.timestamp !== undefined) oldest = Math.min(oldest ?? record.timestamp, record.timestamp);
  }
  return { files: builder.writers, schema: columns.schema, rejected, planned, taken, rows, dropped, oldest };
}
