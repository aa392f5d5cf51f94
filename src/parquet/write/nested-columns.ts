import { type CellValue, cellError } from './cell.ts';
import { Column, type ColumnInfo, type SliceValues } from './column.ts';
import { Offsets } from './offsets.ts';

/** Elements that one column of Arrow can have, since its offsets are of 32 bits. */
const MAX_ELEMENTS = 2 ** 31 - 1;

/** A field of a struct, and the column with its values. */
export interface FieldColumn {
  readonly name: string;
  readonly column: Column;
}

/** Fields can be called "constructor" or "toString": what is inherited is no value. */
interface OwnField extends FieldColumn {
  readonly isInherited: boolean;
}

export class StructColumn extends Column {
  readonly fields: readonly FieldColumn[];

  readonly #fields: readonly OwnField[];

  constructor(info: ColumnInfo, fields: readonly FieldColumn[]) {
    super(info);
    this.fields = fields;
    this.#fields = fields.map(({ name, column }) => ({ name, column, isInherited: name in Object.prototype }));
  }

  protected override write(value: CellValue): void {
    if (!isRecord(value)) throw cellError('WRONG_TYPE', this, value, 'a struct, as an object');
    const fields = this.#fields;
    let unknown = 0;
    for (const _ in value) unknown++;
    for (let index = 0; index < fields.length; index++) {
      const { name, column, isInherited } = fields[index] as OwnField;
      const member = value[name];
      // To ask whether it is an own one takes time, and few names need it.
      const isOwn = isInherited || member === undefined ? Object.hasOwn(value, name) : true;
      if (isOwn) unknown--;
      column.append(isOwn ? member : undefined);
    }
    if (unknown !== 0) this.#refuseUnknown(value);
  }

  #refuseUnknown(value: object): void {
    const unknown = Object.keys(value).find((key) => !this.fields.some(({ name }) => name === key));
    if (unknown === undefined) return;
    const names = this.fields.map(({ name }) => name).join(', ');
    throw cellError('UNKNOWN_FIELD', this, unknown, `only fields of the struct (${names})`);
  }

  protected override writeAbsent(): void {
    for (const { column } of this.fields) column.appendAbsent();
  }

  protected override truncateValues(length: number): void {
    for (const { column } of this.fields) column.truncate(length);
  }

  protected override sliceValues(from: number, to: number): SliceValues {
    return { kind: 'struct', fields: this.fields.map(({ column }) => column.slice(from, to)) };
  }

  protected override valueBytes(): number {
    return this.fields.reduce((sum, { column }) => sum + column.byteSize, 0);
  }
}

/** Values that consist of a number of others. */
abstract class RepeatedColumn extends Column {
  /** Columns with one value for each element. */
  readonly #items: readonly Column[];
  readonly #offsets = new Offsets();

  constructor(info: ColumnInfo, items: readonly Column[]) {
    super(info);
    this.#items = items;
  }

  /** Ends the value in the place of `index`, `count` elements behind the one before it. */
  protected close(index: number, count: number, value: CellValue): void {
    const end = this.#offsets.last(index) + count;
    if (end > MAX_ELEMENTS) throw cellError('COLUMN_FULL', this, value, `at most ${MAX_ELEMENTS} elements in a column`);
    this.#offsets.set(index, end);
  }

  protected override writeAbsent(index: number): void {
    this.close(index, 0, null);
  }

  protected override truncateValues(length: number): void {
    for (const column of this.#items) column.truncate(this.#offsets.last(length));
  }

  protected override sliceValues(from: number, to: number): SliceValues {
    const { offsets, start, end } = this.#offsets.slice(from, to);
    return { kind: 'list', offsets, items: this.#items.map((column) => column.slice(start, end)) };
  }

  protected override valueBytes(): number {
    return this.#items.reduce((sum, column) => sum + column.byteSize, Offsets.BYTES * this.length);
  }
}

export class ArrayColumn extends RepeatedColumn {
  readonly #element: Column;

  constructor(info: ColumnInfo, element: Column) {
    super(info, [element]);
    this.#element = element;
  }

  protected override write(value: CellValue, index: number): void {
    if (!isArray(value)) throw cellError('WRONG_TYPE', this, value);
    for (let position = 0; position < value.length; position++) this.#element.append(value[position]);
    this.close(index, value.length, value);
  }
}

export class MapColumn extends RepeatedColumn {
  readonly #key: Column;
  readonly #value: Column;

  constructor(info: ColumnInfo, key: Column, value: Column) {
    super(info, [key, value]);
    this.#key = key;
    this.#value = value;
  }

  protected override write(value: CellValue, index: number): void {
    if (value instanceof Map) {
      for (const [key, member] of value) this.#appendEntry(key, member);
      this.close(index, value.size, value);
      return;
    }
    if (!isArray(value)) throw cellError('WRONG_TYPE', this, value, EXPECTED_MAP);
    for (const pair of value) {
      if (!isArray(pair) || pair.length !== 2) throw cellError('WRONG_TYPE', this, pair, EXPECTED_PAIR);
      this.#appendEntry(pair[0], pair[1]);
    }
    this.close(index, value.length, value);
  }

  #appendEntry(key: CellValue, value: CellValue): void {
    this.#key.append(key);
    this.#value.append(value);
  }
}

const EXPECTED_MAP = 'a map, as a Map or an array of pairs';
const EXPECTED_PAIR = 'a pair of key and value';

function isArray(value: CellValue): value is readonly CellValue[] {
  return Array.isArray(value);
}

function isRecord(value: CellValue): value is { readonly [field: string]: CellValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isContainer(value);
}

function isContainer(value: object): boolean {
  return ArrayBuffer.isView(value) || value instanceof Map;
}
