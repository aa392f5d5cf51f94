import { type CellValue, isCellError } from '../../parquet/write/cell.ts';
import { RowWriter } from '../../parquet/write/row-writer.ts';
import type { DatumObject } from '../decode/datum.ts';
import type { DecodedRecord } from '../decode/decode-record.ts';
import type { TypedRow } from '../decode/decoder.ts';
import { PayloadError } from '../decode/payload-error.ts';
import type { KafkaRecord } from '../record.ts';
import type { ColumnPlan, PlannedColumn } from './column-plan.ts';
import type { Layout } from './layout.ts';
import type { MetadataColumns } from './metadata-columns.ts';

export interface RowBuilderInput {
  readonly limits: RowLimits;
  readonly plan: ColumnPlan;
  readonly metadata: MetadataColumns;
  readonly folderOf: Layout['folderOf'];
  /** The row in the form that expressions look at; undefined for rows without decoded values. */
  readonly jsonRow: (decoded: DecodedRecord, index: number) => DatumObject | undefined;
}

/** What the rows of one commit may take. */
export interface RowLimits {
  /** Columns of all files, about: each partition is a file, with buffers for each column. */
  readonly columns: number;
  /** About; they are copied twice on the way into files. */
  readonly bytes: number;
}

export const ROW_LIMITS: RowLimits = { columns: 20_000, bytes: 64 * 1024 * 1024 };
/** Files of one commit in any case. */
const MIN_FOLDERS = 8;
/** Bytes that a record may take in Kafka's own columns, which every row of it has. */
const MAX_REPEATED_BYTES = 32 * 1024 * 1024;

/** A record does not fit into this commit any more. */
export class BatchFullError extends Error {
  override readonly name = 'BatchFullError';
}

/** Makes the rows of records, for each partition of the table. */
export class RowBuilder {
  readonly #input: RowBuilderInput;
  readonly #writers = new Map<string, RowWriter>();
  /** Of the row that is made: its writer copies them. */
  readonly #cells: CellValue[];

  constructor(input: RowBuilderInput) {
    this.#input = input;
    this.#cells = new Array<CellValue>(input.plan.schema.fields.length).fill(undefined);
  }

  /** Whether there is enough for one commit. Takes a look at every column. */
  get isFull(): boolean {
    let bytes = 0;
    for (const writer of this.#writers.values()) bytes += writer.byteSize;
    return bytes >= this.#input.limits.bytes;
  }

  /** Whether it has a row. */
  get isEmpty(): boolean {
    return ![...this.#writers.values()].some(({ rowCount }) => rowCount > 0);
  }

  /** By their folders. */
  get writers(): ReadonlyMap<string, RowWriter> {
    return this.#writers;
  }

  /**
   * Adds the rows of a record, or throws and adds none: PayloadError, or BatchFullError when it would take too many files
   * with those that are there. Where there is no column yet, only what the record brings along is seen. `ingested` in ms since
   * the epoch.
   */
  append(record: KafkaRecord, decoded: DecodedRecord, ingested: number): void {
    if (decoded.rows.length > 1 && decoded.rows.length * repeatedBytes(record) > MAX_REPEATED_BYTES) {
      throw new PayloadError('TOO_LARGE', `${decoded.rows.length} rows with key, value and headers are too large`);
    }
    const done: RowWriter[] = [];
    const last = decoded.rows.length - 1;
    try {
      for (let index = 0; index <= last; index++) {
        const folder = this.#fill(record, decoded, index, ingested);
        if (this.#cells.length === 0) continue;
        const writer = this.#writer(folder);
        writer.append(this.#cells);
        if (index < last) done.push(writer);
      }
    } catch (error) {
      for (const writer of done) writer.truncate(writer.rowCount - 1);
      if (isCellError(error)) throw new PayloadError('TYPE_MISMATCH', error.message, { cause: error });
      throw error;
    }
  }

  /** Sets the cells of a row, and gives the folder that it is for. */
  #fill(record: KafkaRecord, decoded: DecodedRecord, index: number, ingested: number): string {
    const { metadata, folderOf, jsonRow } = this.#input;
    const cells = this.#cells.fill(undefined);
    const deleted = decoded.kind === 'bare' && decoded.deleted;
    metadata.fill(cells, { record, ingested, line: index, deleted });
    if (decoded.kind === 'json') this.#fillJson(cells, decoded, decoded.rows[index] ?? {});
    if (decoded.kind === 'typed') this.#fillTyped(cells, decoded, decoded.rows[index] ?? {});
    return folderOf(record, jsonRow(decoded, index), ingested);
  }

  #fillJson(cells: CellValue[], { schema }: DecodedRecord & { kind: 'json' }, row: DatumObject): void {
    const { plan } = this.#input;
    for (const name in row) {
      const value = row[name];
      const column = plan.columnOf(name);
      if (column === null) continue;
      if (column === undefined) {
        if (value === null || value === undefined) continue;
        plan.missing(name, value, schema?.fields.find((field) => field.name === name)?.type);
      } else {
        set(cells, column, column.fromJson(value), name);
      }
    }
  }

  #fillTyped(cells: CellValue[], { schema }: DecodedRecord & { kind: 'typed' }, row: TypedRow): void {
    const { plan } = this.#input;
    for (const { name, type, column, convert } of plan.typedFields(schema)) {
      const cell = row[name];
      if (cell === null || cell === undefined || column === null) continue;
      if (column === undefined) plan.missing(name, true, type);
      else set(cells, column, convert(cell), name);
    }
  }

  #writer(folder: string): RowWriter {
    const known = this.#writers.get(folder);
    if (known !== undefined) return known;
    const { limits, plan } = this.#input;
    const limit = Math.max(MIN_FOLDERS, Math.floor(limits.columns / plan.schema.fields.length));
    if (this.#writers.size >= limit) {
      // Without others before it, the record itself is for too many partitions.
      if (!this.isEmpty) throw new BatchFullError();
      throw new PayloadError('INVALID_TARGET', `the record has rows for more than ${limit} partitions`);
    }
    const writer = new RowWriter(this.#input.plan.schema);
    this.#writers.set(folder, writer);
    return writer;
  }
}

function set(cells: CellValue[], { index, name }: PlannedColumn, cell: CellValue, field: string): void {
  if (cells[index] !== undefined) {
    const text = JSON.stringify(field.slice(0, 60));
    throw new PayloadError('TYPE_MISMATCH', `two fields are for the column "${name}", one of them ${text}`);
  }
  cells[index] = cell;
}

function repeatedBytes({ key, value, headers }: KafkaRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) bytes += header.key.length + (header.value?.length ?? 0);
  return bytes;
}
