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
  readonly plan: ColumnPlan;
  readonly metadata: MetadataColumns;
  readonly folderOf: Layout['folderOf'];
  /** The row in the form that expressions look at; undefined for rows without decoded values. */
  readonly jsonRow: (decoded: DecodedRecord, index: number) => DatumObject | undefined;
}

/** Files that one commit adds at most: each partition of a batch is one. */
const MAX_FOLDERS = 1_000;

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

  /** By their folders. */
  get writers(): ReadonlyMap<string, RowWriter> {
    return this.#writers;
  }

  /** Adds the rows of a record, or throws PayloadError and adds none. `ingested` in ms since the epoch. */
  append(record: KafkaRecord, decoded: DecodedRecord, ingested: number): void {
    const done: RowWriter[] = [];
    const last = decoded.rows.length - 1;
    try {
      for (let index = 0; index <= last; index++) {
        const folder = this.#fill(record, decoded, index, ingested);
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
    if (this.#writers.size >= MAX_FOLDERS) {
      throw new PayloadError('INVALID_TARGET', `the batch has rows for more than ${MAX_FOLDERS} partitions`);
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
