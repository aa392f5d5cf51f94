import type { StructField, StructType } from '../../delta/schema.ts';
import type { RowBatch } from '../../parquet/rewrite/batch.ts';
import { takeRows } from '../../parquet/rewrite/take-rows.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { CHANGE_FIELDS } from '../changes/change-schema.ts';
import { addCounts, CHANGE_TYPES, type ChangeCounts, CODES, NO_CHANGES } from '../changes/change-type.ts';
import { columnOf, constantColumn } from '../changes/constant-column.ts';
import type { ChangeBatch } from '../changes/read-changes.ts';
import { CdfError } from '../errors.ts';
import { createEncoder } from './encode.ts';
import { PartWriter, type WrittenPart } from './part-writer.ts';
import type { OutputSettings } from './settings.ts';

/** What was written of changes. */
export interface WrittenChanges {
  readonly parts: readonly WrittenPart[];
  readonly counts: ChangeCounts;
}

/** Rows of one kind on the way to their files. */
interface Stream {
  readonly codes: ReadonlySet<number>;
  readonly columns: readonly number[];
  readonly writer: PartWriter;
}

/**
 * Writes changes under a folder as the settings have it; the table has the columns of the key (`assertKey`). Nothing of a
 * file is to be seen before it is whole. Throws the errors of the store and of `changes`.
 */
export async function writeChanges(
  target: { readonly store: ObjectStore; readonly folder: string },
  schema: StructType,
  changes: AsyncIterable<ChangeBatch>,
  settings: OutputSettings,
): Promise<WrittenChanges> {
  const streams = openStreams(target, schema, settings);
  let counts: ChangeCounts = NO_CHANGES;
  try {
    for await (const batch of changes) {
      counts = addCounts(counts, countsOf(batch));
      const whole = withChangeColumns(batch, settings.changeColumns);
      const types = outputFields(schema, settings.changeColumns).map(({ type }) => type);
      for (const { codes, columns, writer } of streams) {
        const rows = rowsOf(batch.changes, codes);
        if (rows.length === 0) continue;
        const taken = rows.length === batch.rowCount ? whole : takeRows(whole, types, rows);
        await writer.write({ rowCount: taken.rowCount, columns: columns.map((index) => at(taken.columns, index)) });
      }
    }
    const parts: WrittenPart[] = [];
    for (const { writer } of streams) parts.push(...(await writer.end()));
    return { parts, counts };
  } catch (error) {
    for (const { writer } of streams) await writer.abort(error);
    throw error;
  }
}

/** The columns of the rows that are written. */
export function outputFields({ fields }: StructType, changeColumns: boolean): readonly StructField[] {
  return changeColumns ? [...fields, ...CHANGE_FIELDS] : fields;
}

/** The rows with the columns of a change behind those of the table. */
export function withChangeColumns(batch: ChangeBatch, changeColumns = true): RowBatch {
  const { rowCount, columns, changes, version, timestamp } = batch;
  if (!changeColumns) return { rowCount, columns };
  return {
    rowCount,
    columns: [
      ...columns,
      columnOf('string', rowCount, (row) => CHANGE_TYPES[changes[row] ?? 0]),
      constantColumn('long', version, rowCount),
      constantColumn('timestamp', timestamp * 1000, rowCount),
    ],
  };
}

function openStreams(
  { store, folder }: { readonly store: ObjectStore; readonly folder: string },
  schema: StructType,
  settings: OutputSettings,
): readonly Stream[] {
  const fields = outputFields(schema, settings.changeColumns);
  const open = (name: string, codes: readonly number[], columns: readonly number[]): Stream => {
    const own: StructType = { type: 'struct', fields: columns.map((index) => at(fields, index)) };
    const place = name === '' ? folder : `${folder}/${name}`;
    const writer = new PartWriter(store, place, createEncoder(own, settings), settings.maxFileSize);
    return { codes: new Set(codes), columns, writer };
  };
  const all = fields.map((_, index) => index);
  if (settings.layout === 'stream') return [open('', Object.values(CODES), all)];
  return [
    open('deletes', [CODES.delete, CODES.update_preimage], keyColumns(schema, fields, settings)),
    open('inserts', [CODES.insert, CODES.update_postimage], all),
  ];
}

/** Throws `UNSUPPORTED_TABLE` where the table lacks a column of the key. */
export function assertKey({ fields: own }: StructType, { key }: Pick<OutputSettings, 'key'>): void {
  const missing = key.find((name) => !own.some((field) => field.name === name));
  if (missing !== undefined) {
    const names = own.map(({ name }) => name).join(', ');
    throw new CdfError('UNSUPPORTED_TABLE', `The table has no key column "${missing}"; its columns: ${names}`, {
      column: missing,
    });
  }
}

function keyColumns({ fields: own }: StructType, fields: readonly StructField[], { key }: OutputSettings): number[] {
  const wanted = (index: number) => key.length === 0 || index >= own.length || key.includes(fields[index]?.name ?? '');
  return fields.flatMap((_, index) => (wanted(index) ? [index] : []));
}

function rowsOf(changes: Uint8Array, codes: ReadonlySet<number>): Uint32Array {
  const rows = new Uint32Array(changes.length);
  let length = 0;
  for (const [row, code] of changes.entries()) if (codes.has(code)) rows[length++] = row;
  return rows.subarray(0, length);
}

function countsOf({ changes }: ChangeBatch): ChangeCounts {
  const counts = [0, 0, 0, 0];
  for (const code of changes) counts[code] = (counts[code] ?? 0) + 1;
  const [insert = 0, preimages = 0, postimages = 0, deletes = 0] = counts;
  return { insert, update_preimage: preimages, update_postimage: postimages, delete: deletes };
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new TypeError(`there are ${items.length} columns, and one at ${index} was wanted`);
  return item;
}
