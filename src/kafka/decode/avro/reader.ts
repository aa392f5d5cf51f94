import { type DataType, isStruct, type StructType } from '../../../delta/schema.ts';
import type { TypedRow } from '../decoder.ts';
import { checkColumns } from './check-columns.ts';
import { compile } from './compile.ts';
import { structOf } from './composites.ts';
import { Cursor } from './cursor.ts';
import type { AvroSchema } from './schema.ts';

/** Turns payloads of one schema into rows of a Delta schema. */
export interface AvroReader {
  /** Every column and every part of one is nullable. The same object every time. */
  readonly schema: StructType;
  /**
   * The row of the payload from `offset` to its end. Cells of bytes are views of the payload. Throws a PayloadError:
   * `INVALID_AVRO` for bytes that are not of the schema, `TOO_LARGE` for more values than memory is to be spent on.
   */
  read(payload: Uint8Array, offset?: number): TypedRow;
  /** The rows of `count` payloads of which nothing but the next one is behind each, as in the block of a file; as `read`. */
  readAll(payloads: Uint8Array, count: number): Iterable<TypedRow>;
}

/** The Delta schema of an Avro schema, as `createAvroReader` has it. Throws `UNKNOWN_SCHEMA`. */
export function deltaSchemaOf(schema: AvroSchema): StructType {
  return createAvroReader(schema).schema;
}

/**
 * A reader for payloads of the schema. A record becomes a row; anything else a row with the one column `value`. Throws
 * `UNKNOWN_SCHEMA` for what cannot be columns: types that contain themselves, fields whose names differ in case only, and
 * schemas that are too large or too deep with their named types written out.
 *
 * | Avro | Delta |
 * |---|---|
 * | `int`, `long`, `float`, `double`, `boolean`, `string` | `integer`, `long`, `float`, `double`, `boolean`, `string` |
 * | `bytes`, `fixed` | `binary` |
 * | `enum`, `uuid` | `string` |
 * | `decimal` | `decimal(p,s)`; text up to 1,000 digits, `binary` beyond |
 * | `date` | `date` |
 * | `timestamp-*`, `local-timestamp-*` | `timestamp`, `timestamp_ntz`; ns are rounded down to µs |
 * | `time-*` | `long`, µs since midnight |
 * | `duration` | `struct<months: long, days: long, millis: long>` |
 * | `record`, `array`, `map` | `struct`, `array`, `map<string, ...>`; of a key that comes twice the last value |
 * | union of null and one type | that type |
 * | union of `int` and `long`, of `float` and `double` | `long`, `double` |
 * | other unions | `struct<member0, member1, ...>` without null, of which one member has a value, as in Spark |
 * | `null`, `fixed` of no bytes, records without any column, arrays and maps of these | no column |
 */
export function createAvroReader(schema: AvroSchema): AvroReader {
  const { type, read } = compile(schema);
  const isRow = schema.kind === 'record';
  const row = isRow ? structOrNone(type) : structOf([{ name: 'value', node: { type } }]);
  checkColumns(row);
  const hasNone = row.fields.length === 0;
  const readRow = (cursor: Cursor): TypedRow => {
    const cell = read(cursor);
    if (hasNone) return {};
    // The reader of a record gives an object with its fields.
    return isRow ? (cell as TypedRow) : { value: cell };
  };
  return {
    schema: row,
    read(payload, offset = 0) {
      const cursor = new Cursor(payload, offset);
      const value = readRow(cursor);
      cursor.expectEnd();
      return value;
    },
    *readAll(payloads, count) {
      const cursor = new Cursor(payloads, 0);
      for (let index = 0; index < count; index++) yield readRow(cursor);
      cursor.expectEnd();
    },
  };
}

function structOrNone(type: DataType | undefined): StructType {
  return type !== undefined && isStruct(type) ? type : { type: 'struct', fields: [] };
}
