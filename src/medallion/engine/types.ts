import type { DuckDBType } from '@duckdb/node-api';
import { asNullable, type DataType, decimalOf, type StructType } from '../../delta/schema.ts';
import { EngineError } from './errors.ts';
import { quoteName } from './sql-text.ts';

/** The types of DuckDB by which values of a Delta type are read and written. */
const DUCKDB_TYPES: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  long: 'BIGINT',
  integer: 'INTEGER',
  short: 'SMALLINT',
  byte: 'TINYINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
  timestamp_ntz: 'TIMESTAMP',
};

/** The type of DuckDB, as SQL has it. Throws EngineError `TYPE` for `void` and `variant`, which have no plain values. */
export function duckDbType(type: DataType, column: string): string {
  if (typeof type === 'string') {
    const decimal = decimalOf(type);
    const name = decimal === undefined ? DUCKDB_TYPES[type] : `DECIMAL(${decimal.precision},${decimal.scale})`;
    if (name !== undefined) return name;
    throw new EngineError('TYPE', `The column "${column}" is of type ${type}, which cannot be computed with`, {
      column,
      type,
    });
  }
  switch (type.type) {
    case 'array':
      return `${duckDbType(type.elementType, column)}[]`;
    case 'map':
      return `MAP(${duckDbType(type.keyType, column)}, ${duckDbType(type.valueType, column)})`;
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${quoteName(field.name)} ${duckDbType(field.type, column)}`).join(', ')})`;
  }
}

/** Names of `DuckDBTypeId`, of which the numbers are no part of a contract. */
type TypeNames = Readonly<Record<number, string>>;

/** What DuckDB's own types are in Delta. Wider integers, such as sums have, are long: a value that is greater fails. */
const DELTA_TYPES: Readonly<Record<string, DataType>> = {
  BOOLEAN: 'boolean',
  TINYINT: 'byte',
  SMALLINT: 'short',
  INTEGER: 'integer',
  BIGINT: 'long',
  HUGEINT: 'long',
  UTINYINT: 'short',
  USMALLINT: 'integer',
  UINTEGER: 'long',
  UBIGINT: 'decimal(20,0)',
  FLOAT: 'float',
  DOUBLE: 'double',
  VARCHAR: 'string',
  UUID: 'string',
  ENUM: 'string',
  BLOB: 'binary',
  DATE: 'date',
  TIMESTAMP: 'timestamp_ntz',
  TIMESTAMP_S: 'timestamp_ntz',
  TIMESTAMP_MS: 'timestamp_ntz',
  TIMESTAMP_TZ: 'timestamp',
  SQLNULL: 'void',
};

/**
 * The Delta type of a column of a query; `void` for one that is only ever null. Throws EngineError `TYPE` for types that Delta
 * has not: they must be cast in the SQL.
 */
export function deltaType(names: TypeNames, type: DuckDBType, column: string): DataType {
  const name = names[type.typeId] ?? '';
  const simple = DELTA_TYPES[name];
  if (simple !== undefined) return simple;
  if ('width' in type && 'scale' in type) return `decimal(${type.width},${type.scale})`;
  if ('valueType' in type && 'keyType' in type) {
    const keyType = deltaType(names, type.keyType, column);
    return { type: 'map', keyType, valueType: deltaType(names, type.valueType, column), valueContainsNull: true };
  }
  if ('valueType' in type) {
    return { type: 'array', elementType: deltaType(names, type.valueType, column), containsNull: true };
  }
  if (name === 'STRUCT' && 'entryNames' in type) {
    return deltaSchema(
      names,
      type.entryNames.map((entry, index) => ({ name: entry, type: type.entryTypes[index] })),
      column,
    );
  }
  throw new EngineError('TYPE', `The column "${column}" is of type ${type.toString()}, which Delta has not: cast it`, {
    column,
    type: type.toString(),
  });
}

/** A schema of columns, all of them nullable. `parent` is the column in which they are. */
export function deltaSchema(
  names: TypeNames,
  columns: readonly { readonly name: string; readonly type: DuckDBType | undefined }[],
  parent?: string,
): StructType {
  const fields = columns.map(({ name, type }) => {
    const column = parent === undefined ? name : `${parent}.${name}`;
    if (type === undefined) throw new EngineError('INTERNAL', `The column "${column}" has no type`, { column });
    return { name, type: deltaType(names, type, column), nullable: true, metadata: {} };
  });
  return asNullable({ type: 'struct', fields });
}
