import type { DatumObject } from '../../kafka/decode/datum.ts';
import type { TypedRow } from '../../kafka/decode/decoder.ts';
import { type CellToJson, cellToJson } from '../../kafka/decode/json-form.ts';
import { PayloadError } from '../../kafka/decode/payload-error.ts';
import type { ColumnPlan, PlannedColumn, TypedField } from '../../kafka/rows/column-plan.ts';
import type { NewColumns } from '../../kafka/rows/new-columns.ts';
import { type CellValue, isCellError } from '../../parquet/write/cell.ts';
import { RowWriter } from '../../parquet/write/row-writer.ts';
import type { LoadLimits } from '../config.ts';
import { type SourceBatch, textOfRaw } from '../read/row-source.ts';
import type { Partitions } from './partitions.ts';

/** A row that is in no file, and why. */
export interface RejectedRow {
  /** Of the line, or of the row, from 1. */
  readonly line: number;
  readonly reason: string;
  readonly detail: string;
  /** As it stands in the file, cut where it is long; missing where the file has no text. */
  readonly row?: string;
}

/** What became of the rows that were given. */
export interface Taken {
  /** Rows that were taken or rejected; the others are for another segment. */
  readonly count: number;
  /** Whether rows brought columns that the plan lacks. Nothing was taken then. */
  readonly grew: boolean;
}

/** Columns of all files of a segment, about: each partition is a file, with buffers for each column. */
const MAX_COLUMNS = 20_000;
/** Files of a segment in any case. */
const MIN_FOLDERS = 8;
/** Characters of rejected rows that are held. */
const MAX_REJECTED_TEXT = 8 * 1024 * 1024;
/** Characters of one of them. */
const MAX_ROW_TEXT = 64 * 1024;

/** Consecutive rows of a file that are written together: one output file for each partition that they are in. */
export class Segment {
  readonly plan: ColumnPlan;
  readonly rejected: RejectedRow[] = [];
  readonly #partitions: Partitions;
  readonly #limits: LoadLimits;
  readonly #news: NewColumns;
  readonly #writers = new Map<string, RowWriter>();
  readonly #cells: CellValue[];
  readonly #maxFolders: number;
  #rejectedText = 0;

  constructor(plan: ColumnPlan, news: NewColumns, partitions: Partitions, limits: LoadLimits) {
    this.plan = plan;
    this.#news = news;
    this.#partitions = partitions;
    this.#limits = limits;
    this.#cells = new Array<CellValue>(plan.schema.fields.length).fill(undefined);
    this.#maxFolders = Math.max(MIN_FOLDERS, Math.floor(MAX_COLUMNS / Math.max(plan.schema.fields.length, 1)));
  }

  get rowCount(): number {
    let rows = 0;
    for (const { rowCount } of this.#writers.values()) rows += rowCount;
    return rows;
  }

  get isEmpty(): boolean {
    return this.rejected.length === 0 && this.rowCount === 0;
  }

  /** Whether it has enough. Takes a look at every column. */
  get isFull(): boolean {
    let bytes = 0;
    for (const { byteSize } of this.#writers.values()) bytes += byteSize;
    return (
      bytes >= this.#limits.partBytes ||
      this.rowCount >= this.#limits.partRows ||
      this.#rejectedText >= MAX_REJECTED_TEXT
    );
  }

  /** The rows of each partition that has some, by its folders, in their order. */
  get files(): readonly { readonly folder: string; readonly rows: RowWriter }[] {
    return [...this.#writers]
      .filter(([, { rowCount }]) => rowCount > 0)
      .map(([folder, rows]) => ({ folder, rows }))
      .sort((a, b) => (a.folder < b.folder ? -1 : 1));
  }

  /** Takes rows of a batch, from the place `from` to the place `to`, as far as there is room for their partitions. */
  take(batch: SourceBatch, from: number, to: number): Taken {
    const before = new Map([...this.#writers].map(([folder, { rowCount }]) => [folder, rowCount]));
    const rejectedBefore = this.rejected.length;
    const textBefore = this.#rejectedText;
    const fill = this.#filler(batch);
    const hasColumns = this.plan.schema.fields.length > 0;
    const bare: number[] = [];
    let next = from;
    for (; next < to; next++) {
      const row = batch.rows[next];
      if (row === undefined) break;
      try {
        if (row.value instanceof PayloadError) throw row.value;
        const folder = fill(row.value);
        const writer = hasColumns ? this.#writerOf(folder) : undefined;
        if (hasColumns && writer === undefined) break;
        if (writer === undefined) bare.push(row.number);
        else writer.append(this.#cells);
        this.#news.settle(true);
      } catch (error) {
        this.#news.settle(false);
        this.#reject(error, row.number, textOfRaw(row.raw));
      }
    }
    // The row that there was no room for comes again.
    this.#news.settle(false);
    if (!this.#news.takeGrowth()) {
      // Without a row that has a value, there is no column to be null.
      for (const line of bare) this.#reject(NO_VALUE, line, undefined);
      return { count: next - from, grew: false };
    }
    for (const [folder, writer] of this.#writers) writer.truncate(before.get(folder) ?? 0);
    this.rejected.length = rejectedBefore;
    this.#rejectedText = textBefore;
    return { count: 0, grew: true };
  }

  #filler(batch: SourceBatch): (row: DatumObject | TypedRow) => string {
    const { plan } = this;
    const isPartitioned = this.#partitions.names.length > 0;
    if (batch.kind === 'json') {
      const types = new Map(batch.schema?.fields.map(({ name, type }) => [name, type]));
      return (row) => {
        const json = row as DatumObject;
        const cells = this.#cells.fill(undefined);
        for (const name in json) {
          const value = json[name];
          const column = plan.columnOf(name);
          if (column === null) continue;
          if (column === undefined) plan.missing(name, value, types.get(name));
          else set(cells, column, column.fromJson(value), name);
        }
        return isPartitioned ? this.#partitions.folderOf(json) : '';
      };
    }
    const fields = plan.typedFields(batch.schema);
    const toJson = isPartitioned ? cellToJson(batch.schema) : undefined;
    return (row) => {
      const typed = row as TypedRow;
      this.#fillTyped(fields, typed);
      return toJson === undefined ? '' : this.#partitions.folderOf(rowInJson(toJson, typed));
    };
  }

  #fillTyped(fields: readonly TypedField[], row: TypedRow): void {
    const cells = this.#cells.fill(undefined);
    for (const { name, type, column, convert } of fields) {
      const cell = row[name];
      if (cell === null || cell === undefined || column === null) continue;
      if (column === undefined) this.plan.missing(name, true, type);
      else set(cells, column, convert(cell), name);
    }
  }

  /** Undefined where there are as many partitions as there is room for. */
  #writerOf(folder: string): RowWriter | undefined {
    const known = this.#writers.get(folder);
    if (known !== undefined) return known;
    if (this.#writers.size >= this.#maxFolders) return undefined;
    const writer = new RowWriter(this.plan.schema);
    this.#writers.set(folder, writer);
    return writer;
  }

  #reject(error: unknown, line: number, text: string | undefined): void {
    const rejection = rejectionOf(error);
    const row = text?.slice(0, MAX_ROW_TEXT);
    this.rejected.push({ line, ...rejection, ...(row !== undefined && { row }) });
    this.#rejectedText += rejection.detail.length + (row?.length ?? 0);
  }
}

const NO_VALUE = new PayloadError('UNKNOWN_COLUMN', 'the row has no value, and the table no column');

function rejectionOf(error: unknown): Pick<RejectedRow, 'reason' | 'detail'> {
  if (error instanceof PayloadError) return { reason: error.code, detail: error.message };
  if (isCellError(error) && error.code !== 'COLUMN_FULL') return { reason: 'TYPE_MISMATCH', detail: error.message };
  throw error;
}

function set(cells: CellValue[], { index, name }: PlannedColumn, cell: CellValue, field: string): void {
  if (cells[index] !== undefined && cells[index] !== null) {
    const text = JSON.stringify(field.slice(0, 60));
    throw new PayloadError('TYPE_MISMATCH', `two fields are for the column "${name}", one of them ${text}`);
  }
  cells[index] = cell;
}

function rowInJson(toJson: CellToJson, row: TypedRow): DatumObject {
  // The form of a struct is an object.
  return toJson({ ...row }) as DatumObject;
}
