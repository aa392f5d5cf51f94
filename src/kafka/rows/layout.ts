import { hiveFolders, type PartitionType } from '../../delta/partition.ts';
import type { DatumObject } from '../decode/datum.ts';
import { PayloadError } from '../decode/payload-error.ts';
import type { KafkaRecord } from '../record.ts';
import type { PartitionRule } from '../topic-rule.ts';
import { compilePartition } from '../transform/partition.ts';
import { type ColumnNames, columnNames } from './column-names.ts';

/** The partition column whose value is the date (UTC) of the writing, unless an expression gives it. */
export const DATE_COLUMN = 'ingest_date';

/** Which columns are where: in the file, or in its path. */
export interface Layout {
  readonly names: ColumnNames;
  /**
   * The folders of a row's partition, below the root of the table. `row` is undefined for records without decoded values,
   * `ingested` in ms since the epoch. Throws PayloadError.
   */
  folderOf(record: KafkaRecord, row: DatumObject | undefined, ingested: number): string;
}

/** A partition column, and whether it must have a value. */
export interface LayoutColumn extends PartitionType {
  readonly isRequired?: boolean;
}

/**
 * The layout of a table with these partition columns. Their values come from the rules of these names, else, in a table that
 * someone else made, from the fields of the rows that are called like them.
 */
export function createLayout(
  columns: readonly LayoutColumn[],
  rules: readonly PartitionRule[],
  metadata: readonly string[],
): Layout {
  const parts = columns.map(({ name, type, isRequired = false }) => {
    const rule = rules.find((one) => one.name.toLowerCase() === name.toLowerCase());
    const isDate = rule?.expression === undefined && name === DATE_COLUMN;
    const { expression } = rule ?? {};
    const partition = isDate
      ? undefined
      : compilePartition({ name, type, ...(expression !== undefined && { expression }) });
    return { name, partition, isRequired };
  });
  const dates = parts.filter(({ partition }) => partition === undefined).map(({ name }) => name);
  const inPath = parts.filter(({ partition }) => partition !== undefined).map(({ name }) => name);
  const folderOf: Layout['folderOf'] = (record, row, ingested) =>
    hiveFolders(
      parts.map(({ name, partition, isRequired }) => {
        const value = partition === undefined ? dateOf(ingested) : partition.valueOf(row ?? null, record);
        if (value !== null || !isRequired) return { name, value };
        throw new PayloadError('TYPE_MISMATCH', `the partition column "${name}" got null, expected a value`);
      }),
    );
  const names = columnNames([...metadata, ...dates], inPath);
  return { names, folderOf: inPath.length > 0 ? folderOf : oncePerBatch(folderOf) };
}

/** Without expressions, all rows of a batch are in one partition. */
function oncePerBatch(folderOf: Layout['folderOf']): Layout['folderOf'] {
  let last = { ingested: Number.NaN, folder: '' };
  return (record, row, ingested) => {
    if (last.ingested !== ingested) last = { ingested, folder: folderOf(record, row, ingested) };
    return last.folder;
  };
}

/** The date in UTC, as `2026-11-24`. */
function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
