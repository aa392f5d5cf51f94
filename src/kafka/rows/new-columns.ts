import { type DataType, type StructField, type StructType, typesEqual } from '../../delta/schema.ts';
import type { Datum } from '../decode/datum.ts';
import { inferType, mergeInferred } from '../decode/infer.ts';
import { PayloadError } from '../decode/payload-error.ts';

export interface NewColumn {
  readonly name: string;
  readonly type: DataType;
}

interface SeenColumn extends NewColumn {
  /** Columns of a file that it adds. */
  readonly leaves: number;
}

/** What payloads have and the table has not: columns, and fields inside of columns, with types that hold all values. */
export class NewColumns {
  readonly #columns = new Map<string, SeenColumn>();
  readonly #limit: number;
  readonly #inTable: ReadonlyMap<string, number>;
  /** What the columns of the record that is read were before it. */
  #before = new Map<string, SeenColumn | undefined>();
  /** Columns of a file. */
  #total = 0;
  #grew = false;

  /** `limit` is how many columns the table gets, counted as those of a file: each field inside of a struct is one. */
  constructor(limit: number, table: StructType | undefined) {
    this.#inTable = new Map(table?.fields.map(({ name, type }) => [name.toLowerCase(), countLeaves(type)]));
    this.#limit = Math.max(limit - (table === undefined ? 0 : countLeaves(table)), 0);
  }

  get columns(): Iterable<NewColumn> {
    return this.#columns.values();
  }

  /** The type that a column of the table is to have, where it gets fields. */
  typeOf(name: string): DataType | undefined {
    return this.#columns.get(name.toLowerCase())?.type;
  }

  /** Whether there is more than when this was last asked. */
  takeGrowth(): boolean {
    const grew = this.#grew;
    this.#grew = false;
    return grew;
  }

  /** Keeps what a record brought along, if the table takes the record. */
  settle(isTaken: boolean): void {
    if (this.#before.size === 0) return;
    if (isTaken) this.#grew = true;
    else {
      for (const [key, column] of this.#before) {
        this.#total += (column?.leaves ?? 0) - (this.#columns.get(key)?.leaves ?? 0);
        if (column === undefined) this.#columns.delete(key);
        else this.#columns.set(key, column);
      }
    }
    this.#before = new Map();
  }

  /** A value of a column that is not there. Throws PayloadError when that would be a column too many. */
  see(name: string, type: DataType): void {
    const known = this.typeOf(name);
    this.#set(name, known === undefined ? type : mergeInferred(known, type));
  }

  /** A value without a type. */
  seeValue(name: string, value: Datum): void {
    const type = inferType(value);
    if (type !== undefined) this.see(name, type);
  }

  /** A value with fields that its column lacks. Throws PayloadError when the column cannot get them. */
  extend(column: NewColumn, type: DataType | undefined): void {
    const { name } = column;
    const extended = type && extendType(this.typeOf(name) ?? column.type, type);
    if (extended === undefined || typesEqual(extended, column.type)) {
      throw new PayloadError('UNKNOWN_COLUMN', `the column "${name}" has no place for all fields of the value`);
    }
    this.#set(name, extended);
  }

  #set(name: string, type: DataType): void {
    const key = name.toLowerCase();
    const known = this.#columns.get(key);
    if (known !== undefined && typesEqual(known.type, type)) return;
    const leaves = countLeaves(type) - (this.#inTable.get(key) ?? 0);
    const total = this.#total - (known?.leaves ?? 0) + leaves;
    if (total > this.#limit) {
      const text = JSON.stringify(name.slice(0, 60));
      throw new PayloadError(
        'UNKNOWN_COLUMN',
        `the table has no place for ${text}: it has as many columns as it is to get`,
      );
    }
    this.#total = total;
    if (!this.#before.has(key)) this.#before.set(key, known);
    this.#columns.set(key, { name: known?.name ?? name, type, leaves });
  }
}

/**
 * A type with the fields of another one that it lacks, in structs and arrays of them; what it has stays as it is. Values of
 * maps get no fields: a table's cannot (`mergeSchema`).
 */
export function extendType(known: DataType, other: DataType): DataType {
  if (typeof known === 'string' || typeof other === 'string' || known.type !== other.type) return known;
  if (known.type === 'struct' && other.type === 'struct') {
    const theirs = new Map(other.fields.map((field) => [field.name.toLowerCase(), field]));
    const fields: StructField[] = known.fields.map((field) => {
      const match = theirs.get(field.name.toLowerCase());
      theirs.delete(field.name.toLowerCase());
      return match === undefined ? field : { ...field, type: extendType(field.type, match.type) };
    });
    return {
      type: 'struct',
      fields: [...fields, ...[...theirs.values()].map((field) => ({ ...field, nullable: true }))],
    };
  }
  if (known.type === 'array' && other.type === 'array') {
    return { ...known, elementType: extendType(known.elementType, other.elementType) };
  }
  return known;
}

/** Columns that a type takes in a file. */
export function countLeaves(type: DataType): number {
  if (typeof type === 'string') return 1;
  if (type.type === 'array') return countLeaves(type.elementType);
  if (type.type === 'map') return countLeaves(type.keyType) + countLeaves(type.valueType);
  return type.fields.reduce((sum, field) => sum + countLeaves(field.type), 0);
}
