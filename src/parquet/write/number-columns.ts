import { type CellValue, cellError } from './cell.ts';
import { Column, type ColumnInfo, type SliceValues } from './column.ts';
import { isMostlyDistinct } from './distinct.ts';
import { Bits, bytesOfBits, grown } from './growth.ts';

/*
 * A class for each kind of array, although the classes differ in little else: code that sees arrays of one kind only is
 * several times as fast.
 */

/** Whole numbers that a type holds, in bytes of its own. */
const INTEGER_BYTES = { byte: 1, short: 2, integer: 4, date: 4 } as const;

export type IntegerType = keyof typeof INTEGER_BYTES;

export function isIntegerType(type: unknown): type is IntegerType {
  return typeof type === 'string' && Object.hasOwn(INTEGER_BYTES, type);
}

/** `byte`, `short`, `integer` and `date`, with 32 bits a value. */
export class IntegerColumn extends Column {
  readonly #integer: IntegerType;
  readonly #limit: number;
  #data = new Int32Array();

  constructor(info: ColumnInfo, type: IntegerType) {
    super(info);
    this.#integer = type;
    this.#limit = 2 ** (8 * INTEGER_BYTES[type] - 1);
  }

  protected override write(value: CellValue, index: number): void {
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      throw cellError('WRONG_TYPE', this, value, this.#expected());
    }
    if (value < -this.#limit || value >= this.#limit) throw cellError('OUT_OF_RANGE', this, value, this.#expected());
    this.#put(index, value);
  }

  protected override writeAbsent(index: number): void {
    this.#put(index, 0);
  }

  #put(index: number, value: number): void {
    if (index >= this.#data.length) this.#data = new Int32Array(grown(this.#data.buffer, 4 * (index + 1)));
    this.#data[index] = value;
  }

  protected override sliceValues(from: number, to: number): SliceValues {
    const data = this.#data.subarray(from, to);
    if (this.#integer === 'byte') return { kind: 'fixed', data: Int8Array.from(data) };
    return { kind: 'fixed', data: this.#integer === 'short' ? Int16Array.from(data) : data };
  }

  protected override valueBytes(): number {
    return 4 * this.length;
  }

  #expected(): string {
    const name = this.#integer === 'date' ? 'days since the epoch' : `the type ${this.#integer}`;
    return `${name}, a whole number from ${-this.#limit} to ${this.#limit - 1}`;
  }
}

export class FloatColumn extends Column {
  #data = new Float32Array();

  protected override write(value: CellValue, index: number): void {
    if (typeof value !== 'number') throw cellError('WRONG_TYPE', this, value);
    this.#put(index, value);
    if (!Number.isFinite(this.#data[index]) && Number.isFinite(value)) throw cellError('OUT_OF_RANGE', this, value);
  }

  protected override writeAbsent(index: number): void {
    this.#put(index, 0);
  }

  #put(index: number, value: number): void {
    if (index >= this.#data.length) this.#data = new Float32Array(grown(this.#data.buffer, 4 * (index + 1)));
    this.#data[index] = value;
  }

  countNaN(from: number, to: number): number {
    return countNaNIn(this.#data.subarray(from, to));
  }

  protected override sliceValues(from: number, to: number): SliceValues {
    return { kind: 'fixed', data: this.#data.subarray(from, to) };
  }

  protected override valueBytes(): number {
    return 4 * this.length;
  }
}

export class DoubleColumn extends Column {
  #data = new Float64Array();

  protected override write(value: CellValue, index: number): void {
    if (typeof value !== 'number') throw cellError('WRONG_TYPE', this, value);
    this.#put(index, value);
  }

  protected override writeAbsent(index: number): void {
    this.#put(index, 0);
  }

  #put(index: number, value: number): void {
    if (index >= this.#data.length) this.#data = new Float64Array(grown(this.#data.buffer, 8 * (index + 1)));
    this.#data[index] = value;
  }

  override isMostlyDistinct(): boolean {
    const data = this.#data;
    return isMostlyDistinct(this.length, (row) => data[row] ?? 0);
  }

  countNaN(from: number, to: number): number {
    return countNaNIn(this.#data.subarray(from, to));
  }

  protected override sliceValues(from: number, to: number): SliceValues {
    return { kind: 'fixed', data: this.#data.subarray(from, to) };
  }

  protected override valueBytes(): number {
    return 8 * this.length;
  }
}

export class BooleanColumn extends Column {
  readonly #bits = new Bits();

  protected override write(value: CellValue, index: number): void {
    if (typeof value !== 'boolean') throw cellError('WRONG_TYPE', this, value);
    this.#bits.reserve(index + 1);
    this.#bits.set(index, value);
  }

  protected override writeAbsent(index: number): void {
    this.#bits.reserve(index + 1);
    this.#bits.set(index, false);
  }

  protected override sliceValues(from: number, to: number): SliceValues {
    return { kind: 'fixed', data: this.#bits.slice(from, to) };
  }

  protected override valueBytes(): number {
    return bytesOfBits(this.length);
  }
}

/** NaNs among the values from `from` to `to`; none in columns that cannot have one. */
export function countNaN(column: Column | undefined, from: number, to: number): number {
  return column instanceof FloatColumn || column instanceof DoubleColumn ? column.countNaN(from, to) : 0;
}

function countNaNIn(values: Float32Array | Float64Array): number {
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) count++;
  }
  return count;
}
