import { type DataType, decimalOf, type StructType } from '../../delta/schema.ts';
import type { ColumnSlice, FixedData } from '../write/column.ts';
import type { RowBatch } from './batch.ts';
import { hasValue } from './leaf-input.ts';
import { partTypes } from './take-rows.ts';

/**
 * A checksum of rows that is the same in whatever order they come: of each column, and of whole rows, which also tells
 * when the values of one column moved against those of another.
 *
 * Every value has a hash of 64 bits, in two halves, made of its bytes as the table's type has them: floats by their bits
 * (so that -0.0, and each NaN, is itself), null unlike any value. The sums of the hashes are compared. It is to find
 * mistakes, not to resist an attacker.
 */
export class RowChecksum {
  readonly #types: readonly DataType[];
  readonly #names: readonly string[];
  readonly #columns: Lanes[];
  #rows: Lanes = { a: 0, b: 0 };
  #rowCount = 0;

  constructor(schema: StructType) {
    this.#types = schema.fields.map(({ type }) => type);
    this.#names = schema.fields.map(({ name }) => name);
    this.#columns = schema.fields.map(() => ({ a: 0, b: 0 }));
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  add({ rowCount, columns }: RowBatch): void {
    const rows = new Hashes(rowCount, 0);
    for (const [index, column] of columns.entries()) {
      const hashes = hashColumn(this.#types[index] ?? 'void', column);
      this.#columns[index] = plus(this.#columns[index], sumOf(hashes));
      rows.mixIn(hashes);
    }
    this.#rows = plus(this.#rows, sumOf(rows));
    this.#rowCount += rowCount;
  }

  /** What differs from another checksum, for a message; undefined when nothing does. */
  difference(other: RowChecksum): string | undefined {
    if (this.#rowCount !== other.#rowCount) return `${this.#rowCount} rows became ${other.#rowCount}`;
    const index = this.#columns.findIndex((lanes, at) => !isEqual(lanes, other.#columns[at]));
    if (index >= 0) return `the values of the column "${this.#names[index]}" are others`;
    return isEqual(this.#rows, other.#rows) ? undefined : 'the values of a row are in different rows';
  }
}

interface Lanes {
  readonly a: number;
  readonly b: number;
}

function plus(sum: Lanes | undefined, more: Lanes): Lanes {
  return { a: ((sum?.a ?? 0) + more.a) | 0, b: ((sum?.b ?? 0) + more.b) | 0 };
}

function isEqual(one: Lanes, other: Lanes | undefined): boolean {
  return one.a === other?.a && one.b === other.b;
}

/** Odd constants of MurmurHash3 and xxHash. */
const A1 = 0xcc9e2d51 | 0;
const A2 = 0x85ebca6b | 0;
const B1 = 0x9e3779b1 | 0;
const B2 = 0xc2b2ae3d | 0;
const NULL_A = 0x5bd1e995 | 0;
const NULL_B = 0x27d4eb2f | 0;

/** A hash for each place, in two halves. */
class Hashes {
  readonly a: Int32Array;
  readonly b: Int32Array;

  constructor(length: number, seed: number) {
    this.a = new Int32Array(length).fill(seed);
    this.b = new Int32Array(length).fill(~seed);
  }

  /** Takes 32 bits more into the hash of a place. */
  mix(index: number, word: number): void {
    this.a[index] = mixA(this.a[index] ?? 0, word);
    this.b[index] = mixB(this.b[index] ?? 0, word);
  }

  /** Takes the hash of every place of another column into that of this place. */
  mixIn(other: Hashes): void {
    for (let index = 0; index < this.a.length; index++) this.mixFrom(index, other, index);
  }

  mixFrom(index: number, other: Hashes, from: number): void {
    this.a[index] = mixA(this.a[index] ?? 0, other.a[from] ?? 0);
    this.b[index] = mixB(this.b[index] ?? 0, other.b[from] ?? 0);
  }

  setNull(index: number): void {
    this.a[index] = NULL_A;
    this.b[index] = NULL_B;
  }
}

function mixA(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, A1);
  return Math.imul(mixed ^ (mixed >>> 15), A2) ^ (mixed >>> 13);
}

function mixB(hash: number, word: number): number {
  const mixed = Math.imul(((hash << 5) | (hash >>> 27)) + word, B1);
  return Math.imul(mixed ^ (mixed >>> 16), B2) ^ (mixed >>> 11);
}

function sumOf({ a, b }: Hashes): Lanes {
  let [sumA, sumB] = [0, 0];
  for (let index = 0; index < a.length; index++) {
    sumA = (sumA + (a[index] ?? 0)) | 0;
    sumB = (sumB + (b[index] ?? 0)) | 0;
  }
  return { a: sumA, b: sumB };
}

function hashColumn(type: DataType, column: ColumnSlice): Hashes {
  const hashes = new Hashes(column.length, 1);
  const { values, validity, length } = column;
  switch (values.kind) {
    case 'fixed':
      hashFixed(hashes, type, values.data, length);
      break;
    case 'bytes':
      hashBytes(hashes, values.offsets, values.data);
      break;
    case 'struct': {
      const types = partTypes(type);
      for (const [index, field] of values.fields.entries()) hashes.mixIn(hashColumn(types[index] ?? 'void', field));
      break;
    }
    case 'list': {
      const types = partTypes(type);
      const items = values.items.map((item, index) => hashColumn(types[index] ?? 'void', item));
      hashLists(hashes, values.offsets, items);
      break;
    }
  }
  if (validity !== undefined) {
    for (let index = 0; index < length; index++) if (!hasValue(validity, index)) hashes.setNull(index);
  }
  return hashes;
}

function hashFixed(hashes: Hashes, type: DataType, data: FixedData, length: number): void {
  if (type === 'boolean') {
    for (let index = 0; index < length; index++) hashes.mix(index, ((data[index >> 3] as number) >> (index & 7)) & 1);
    return;
  }
  if (data instanceof Int8Array || data instanceof Int16Array || data instanceof Int32Array) {
    for (let index = 0; index < length; index++) hashes.mix(index, data[index] ?? 0);
    return;
  }
  const words = new Int32Array(data.buffer, data.byteOffset, data.byteLength >> 2);
  const step = wordsOf(type);
  for (let index = 0; index < length; index++) {
    for (let word = index * step; word < (index + 1) * step; word++) hashes.mix(index, words[word] ?? 0);
  }
}

/** Words of 32 bits a value, of types that have 32 or more. */
function wordsOf(type: DataType): number {
  if (decimalOf(type) !== undefined) return 4;
  return type === 'float' ? 1 : 2;
}

function hashBytes(hashes: Hashes, offsets: Int32Array, data: Uint8Array): void {
  for (let index = 0; index < hashes.a.length; index++) {
    const [start, end] = [offsets[index] ?? 0, offsets[index + 1] ?? 0];
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word =
        (data[at] ?? 0) | ((data[at + 1] ?? 0) << 8) | ((data[at + 2] ?? 0) << 16) | ((data[at + 3] ?? 0) << 24);
      hashes.mix(index, word);
    }
    let rest = 0;
    for (; at < end; at++) rest = (rest << 8) | (data[at] ?? 0);
    hashes.mix(index, rest);
    hashes.mix(index, end - start);
  }
}

/** A list's elements count in their order, a map's entries too. */
function hashLists(hashes: Hashes, offsets: Int32Array, items: readonly Hashes[]): void {
  for (let index = 0; index < hashes.a.length; index++) {
    const [start, end] = [offsets[index] ?? 0, offsets[index + 1] ?? 0];
    for (let at = start; at < end; at++) for (const item of items) hashes.mixFrom(index, item, at);
    hashes.mix(index, end - start);
  }
}
