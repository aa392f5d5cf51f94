import type { ColumnPath, DataType } from '../../delta/schema.ts';
import { type CellValue, cellError } from './cell.ts';
import { Bits, bytesOfBits, countOnes } from './growth.ts';

/** What a column is about. */
export interface ColumnInfo {
  readonly path: ColumnPath;
  readonly type: DataType;
  readonly nullable: boolean;
}

/** Rows of a column in the buffers that Arrow has for them, starting at 0. */
export interface ColumnSlice {
  readonly length: number;
  readonly nullCount: number;
  /** A bit a value; undefined where there is no null. */
  readonly validity: Uint8Array | undefined;
  readonly values: SliceValues;
}

export type SliceValues =
  /** Numbers and bits. */
  | { readonly kind: 'fixed'; readonly data: FixedData }
  /** Strings and binaries: where each starts in the data, and the end of the last. */
  | { readonly kind: 'bytes'; readonly offsets: Int32Array; readonly data: Uint8Array }
  | { readonly kind: 'struct'; readonly fields: readonly ColumnSlice[] }
  /** An array's elements, or a map's entries, each of which has a key and a value. */
  | { readonly kind: 'list'; readonly offsets: Int32Array; readonly items: readonly ColumnSlice[] };

export type FixedData = Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array | Uint8Array;

/**
 * The values of a column, growing. `append` either takes a value or throws a `CellError`, after which the column is to be
 * truncated to what it had: it may hold a part of the value.
 */
export abstract class Column implements ColumnInfo {
  readonly path: ColumnPath;
  readonly type: DataType;
  readonly nullable: boolean;
  #length = 0;
  /** There from the first null on. */
  #validity: Bits | undefined;

  constructor({ path, type, nullable }: ColumnInfo) {
    this.path = path;
    this.type = type;
    this.nullable = nullable;
  }

  get length(): number {
    return this.#length;
  }

  append(value: CellValue): void {
    const index = this.#length;
    if (value === null || value === undefined) {
      if (!this.nullable) throw cellError('NULL', this, value);
      this.appendAbsent();
      return;
    }
    this.write(value, index);
    if (this.#validity !== undefined) {
      this.#validity.reserve(index + 1);
      this.#validity.set(index, true);
    }
    this.#length = index + 1;
  }

  /** Takes null, whatever the schema says: something around the column may be null. */
  appendAbsent(): void {
    const index = this.#length;
    this.writeAbsent(index);
    if (this.nullable) {
      if (this.#validity === undefined) {
        this.#validity = new Bits();
        this.#validity.fill(index);
      }
      this.#validity.reserve(index + 1);
      this.#validity.set(index, false);
    }
    this.#length = index + 1;
  }

  /** Drops what is behind the first `length` values, parts of a value included. */
  truncate(length: number): void {
    this.truncateValues(length);
    this.#length = length;
  }

  /** Bytes that the values take, without those that are only reserved. */
  get byteSize(): number {
    return this.valueBytes() + (this.#validity === undefined ? 0 : bytesOfBits(this.#length));
  }

  /** The values from `from` to `to`; they share memory with the column, which is not to be appended to meanwhile. */
  slice(from: number, to: number): ColumnSlice {
    const length = to - from;
    const validity = this.#validity?.slice(from, to);
    const nullCount = validity === undefined ? 0 : length - countOnes(validity);
    const values = this.sliceValues(from, to);
    return { length, nullCount, validity: nullCount === 0 ? undefined : validity, values };
  }

  /** Whether nearly all values differ, as far as a look at some of them tells. */
  isMostlyDistinct(): boolean {
    return false;
  }

  /** Writes a value in the place of `index`, or throws a `CellError`. */
  protected abstract write(value: NonNullable<CellValue>, index: number): void;
  /** Writes whatever stands under a null. */
  protected abstract writeAbsent(index: number): void;
  protected abstract sliceValues(from: number, to: number): SliceValues;
  protected abstract valueBytes(): number;

  /** Columns with values of equal size have nothing to do: what is behind the length does not count. */
  protected truncateValues(_length: number): void {}
}
