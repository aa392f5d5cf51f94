import type { ColumnChunk, ColumnChunks } from './column-chunk.ts';
import { type Cell, type Cells, ColumnReader, type ColumnReaderOptions } from './column-reader.ts';
import { ParquetError } from './errors.ts';
import type { TextType } from './json-text.ts';
import type { RangeSource } from './range-source.ts';
import { type BoundColumn, type BoundField, leavesOf, type RecordOf, type RecordSpec } from './record-columns.ts';
import type { LeafNode } from './schema-node.ts';
import type { Value } from './values.ts';

/** The chunks of one column of records in one row group. */
export interface RecordChunks<T> {
  readonly bound: BoundColumn<T>;
  readonly key: ColumnChunk;
  /** Chunks beside the key that may hold something. */
  readonly others: readonly OtherChunk[];
}

interface OtherChunk {
  readonly chunk: ColumnChunk;
  readonly elementLevel: number;
  readonly textType?: TextType;
}

/**
 * The chunks that have to be read for the records of a row group; undefined when the statistics say that it has none.
 * A column without any value is left out, unless it is a list: an empty one and none at all look the same there.
 */
export function recordChunks<T>(bound: BoundColumn<T>, chunks: ColumnChunks): RecordChunks<T> | undefined {
  const key = chunks.get(bound.key.column);
  if (key === undefined || isAllNull(key)) return undefined;
  const others = leavesOf(bound.field).flatMap(({ leaf, ...how }): OtherChunk[] => {
    const chunk = chunks.get(leaf.column);
    const isNeeded = chunk !== undefined && leaf !== bound.key && (leaf.repeats > 0 || !isAllNull(chunk));
    return isNeeded ? [{ chunk, ...how }] : [];
  });
  return { bound, key, others };
}

/** All chunks of a column of records. */
export function chunksOf({ key, others }: RecordChunks<unknown>): ColumnChunk[] {
  return [key, ...others.map(({ chunk }) => chunk)];
}

/** Reads the records of one column in one row group, from its first row to its last. */
export class RecordReader<T> {
  readonly #chunks: RecordChunks<T>;
  readonly #key: ColumnReader;
  readonly #others: ReadonlyMap<LeafNode, ColumnReader>;
  #count = 0;

  /** `optionsOf` says how to read a chunk, which may depend on its size. */
  constructor(source: RangeSource, chunks: RecordChunks<T>, optionsOf: (chunk: ColumnChunk) => ColumnReaderOptions) {
    this.#chunks = chunks;
    this.#key = new ColumnReader(source, chunks.key, 0, optionsOf(chunks.key));
    this.#others = new Map(
      chunks.others.map(({ chunk, elementLevel, textType }) => {
        const options = { ...optionsOf(chunk), ...(textType === undefined ? {} : { textType }) };
        return [chunk.leaf, new ColumnReader(source, chunk, elementLevel, options)];
      }),
    );
  }

  /** The row of the next record; undefined when there is none. */
  nextRow(): Promise<number | undefined> {
    return this.#key.nextPresentRow();
  }

  /** Reads the keys of the records in the rows before `endRow`, at most `limit`. */
  async readKeys(endRow: number, limit?: number): Promise<Cells<Value>> {
    const keys = await this.#key.readPresent(endRow, limit);
    this.#count += keys.rows.length;
    // Keys hardly ever repeat, so each takes a byte somewhere. Pages that claim far more are made to keep us busy.
    if (this.#count > this.#key.pageBytes + MAX_REPEATED_KEYS) {
      const column = this.#chunks.key.leaf.path.join('.');
      const detail = `column "${column}" claims ${this.#count} values in pages of ${this.#key.pageBytes} bytes`;
      throw new ParquetError('CORRUPT', detail, { column });
    }
    return keys;
  }

  /** Reads the whole records of which the keys are given, ascending. They must be behind those read before. */
  async readRecords({ rows, cells }: Cells<Value>): Promise<T[]> {
    const byLeaf = new Map<LeafNode, readonly Cell[]>([[this.#chunks.key.leaf, cells]]);
    await Promise.all(
      Array.from(this.#others, async ([leaf, reader]) => {
        byLeaf.set(leaf, await reader.readRows(rows));
      }),
    );
    const { field, column } = this.#chunks.bound;
    // The fields were made by the column's spec, which is what gives a record its type.
    return rows.map((_, index) => column.parse(assemble(field, byLeaf, index) as RecordOf<RecordSpec>));
  }
}

/** Keys that may repeat: a file whose deletion vector is replaced over and over leaves a remove of its path each time. */
const MAX_REPEATED_KEYS = 1_000_000;

function isAllNull({ entries, nulls }: ColumnChunk): boolean {
  return nulls !== undefined && nulls >= entries;
}

type Field = Value | readonly (Value | null)[] | { readonly [name: string]: Field | null };

/** The field of one row, from the cells of its leaf columns; undefined when it is null or nowhere in the file. */
function assemble(field: BoundField, cells: ReadonlyMap<LeafNode, readonly Cell[]>, index: number): Field | undefined {
  const cellOf = (leaf: LeafNode): Cell | undefined => cells.get(leaf)?.[index];
  switch (field.kind) {
    case 'value':
      return cellOf(field.leaf) ?? undefined;
    case 'list':
      return cellOf(field.element) ?? undefined;
    case 'map':
      return assembleMap(cellOf(field.key), cellOf(field.value));
    case 'text':
      return cellOf(field.leaf) || undefined;
    case 'json':
      return assembleJson(field.fields, cells, index);
    case 'struct':
      return assembleStruct(field.fields, cells, index);
  }
}

function assembleStruct(
  fields: ReadonlyMap<string, BoundField>,
  cells: ReadonlyMap<LeafNode, readonly Cell[]>,
  index: number,
): Field | undefined {
  const struct: Record<string, Field> = {};
  let isEmpty = true;
  for (const [name, field] of fields) {
    const value = assemble(field, cells, index);
    if (value !== undefined) {
      struct[name] = value;
      isEmpty = false;
    }
  }
  return isEmpty ? undefined : struct;
}

/** An object without any member is none. */
function assembleJson(
  fields: ReadonlyMap<string, BoundField>,
  cells: ReadonlyMap<LeafNode, readonly Cell[]>,
  index: number,
): string | undefined {
  let members = '';
  for (const [name, field] of fields) {
    const text = assemble(field, cells, index);
    if (text !== undefined) members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${text}`;
  }
  return members === '' ? undefined : `{${members}}`;
}

function assembleMap(keys: Cell | undefined, values: Cell | undefined): Field | undefined {
  if (!Array.isArray(keys)) return undefined;
  if (keys.length === 0) return {};
  if (!Array.isArray(values) || values.length !== keys.length) {
    throw new ParquetError('CORRUPT', `a map of ${keys.length} keys has another number of values`);
  }
  // Not by assignment: a key may be `__proto__`.
  return Object.fromEntries(keys.map((key, index) => [key, values[index] ?? null]));
}
