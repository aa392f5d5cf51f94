import type { Decimal } from '../../delta/schema.ts';
import { type CellValue, cellError } from './cell.ts';
import { Column, type ColumnInfo, type SliceValues } from './column.ts';
import { isMostlyDistinct } from './distinct.ts';
import { grown } from './growth.ts';

/** `long`, and timestamps in µs: 64 bits a value. */
export class LongColumn extends Column {
  #data = new BigInt64Array();
  /** The same bytes: numbers are written as two halves, which makes no bigint. */
  #halves = new Int32Array(this.#data.buffer);

  protected override write(value: CellValue, index: number): void {
    if (typeof value === 'bigint') {
      if (BigInt.asIntN(64, value) !== value) throw cellError('OUT_OF_RANGE', this, value, this.#expected());
      this.#reserve(index);
      this.#data[index] = value;
    } else if (typeof value === 'number' && Number.isInteger(value)) {
      if (!Number.isSafeInteger(value)) throw cellError('OUT_OF_RANGE', this, value, this.#expected());
      this.#reserve(index);
      this.#halves[2 * index] = value;
      this.#halves[2 * index + 1] = Math.floor(value / 2 ** 32);
    } else {
      throw cellError('WRONG_TYPE', this, value, this.#expected());
    }
  }

  protected override writeAbsent(index: number): void {
    this.#reserve(index);
    this.#data[index] = 0n;
  }

  override isMostlyDistinct(): boolean {
    const halves = this.#halves;
    return isMostlyDistinct(this.length, (row) => (halves[2 * row] ?? 0) + 2 ** 32 * (halves[2 * row + 1] ?? 0));
  }

  #reserve(index: number): void {
    if (index < this.#data.length) return;
    this.#data = new BigInt64Array(grown(this.#data.buffer, 8 * (index + 1)));
    this.#halves = new Int32Array(this.#data.buffer);
  }

  protected override sliceValues(from: number, to: number): SliceValues {
    return { kind: 'fixed', data: this.#data.subarray(from, to) };
  }

  protected override valueBytes(): number {
    return 8 * this.length;
  }

  #expected(): string {
    const name = this.type === 'long' ? 'the type long' : `µs since the epoch for the type ${this.type}`;
    return `${name}, a bigint of 64 bits or a safe integer`;
  }
}

/** `decimal`: the unscaled value in 128 bits, as Arrow has it. */
export class DecimalColumn extends Column {
  readonly #decimal: Decimal;
  readonly #min: bigint;
  readonly #max: bigint;
  #data = new BigInt64Array();

  constructor(info: ColumnInfo, decimal: Decimal) {
    super(info);
    this.#decimal = decimal;
    this.#max = 10n ** BigInt(decimal.precision) - 1n;
    this.#min = -this.#max;
  }

  protected override write(value: CellValue, index: number): void {
    if (typeof value !== 'bigint') throw cellError('WRONG_TYPE', this, value, this.#expected());
    if (value < this.#min || value > this.#max) throw cellError('OUT_OF_RANGE', this, value, this.#expected());
    this.#reserve(index);
    this.#data[2 * index] = value;
    this.#data[2 * index + 1] = value >> 64n;
  }

  protected override writeAbsent(index: number): void {
    this.#reserve(index);
    this.#data[2 * index] = 0n;
    this.#data[2 * index + 1] = 0n;
  }

  #reserve(index: number): void {
    const length = 2 * (index + 1);
    if (length > this.#data.length) this.#data = new BigInt64Array(grown(this.#data.buffer, 8 * length));
  }

  protected override sliceValues(from: number, to: number): SliceValues {
    return { kind: 'fixed', data: this.#data.subarray(2 * from, 2 * to) };
  }

  protected override valueBytes(): number {
    return 16 * this.length;
  }

  #expected(): string {
    const { precision, scale } = this.#decimal;
    return `decimal(${precision},${scale}), its unscaled value as a bigint of at most ${precision} digits`;
  }
}
