import type { ColumnPath, PrimitiveType } from '../../../src/delta/schema.ts';

export type Dialect = 'spark' | 'datafusion' | 'duckdb';

/** A condition on one column that all three dialects of SQL can say. */
export interface Predicate {
  readonly column: ColumnPath;
  readonly type: PrimitiveType;
  readonly operator: '=' | '<' | '<=' | '>' | '>=' | 'IS NULL' | 'IS NOT NULL';
  /** The literal's text, as `line_server.py` writes values; without one for the tests for null. */
  readonly value?: string;
}

export function predicateSql({ column, type, operator, value }: Predicate, dialect: Dialect): string {
  const quote = dialect === 'spark' ? '`' : '"';
  const name = column.map((part) => `${quote}${part}${quote}`);
  // DataFusion reaches into a struct by its name alone; `a.b` would be the column b of the table a.
  const [first = '', ...rest] = name;
  const reference =
    dialect === 'datafusion'
      ? first +
        column
          .slice(1)
          .map((part) => `['${part}']`)
          .join('')
      : [first, ...rest].join('.');
  return value === undefined ? `${reference} ${operator}` : `${reference} ${operator} ${literal(type, value, dialect)}`;
}

function literal(type: PrimitiveType, value: string, dialect: Dialect): string {
  switch (type) {
    case 'string':
      return stringLiteral(value, dialect);
    case 'boolean':
      return value;
    case 'date':
      return `DATE '${value}'`;
    case 'timestamp':
      return {
        spark: `TIMESTAMP '${value} UTC'`,
        datafusion: `TIMESTAMP '${value}Z'`,
        duckdb: `TIMESTAMPTZ '${value}+00'`,
      }[dialect];
    case 'timestamp_ntz':
      return dialect === 'spark' ? `TIMESTAMP_NTZ '${value}'` : `TIMESTAMP '${value}'`;
    case 'binary':
      return {
        spark: `X'${value.slice(2)}'`,
        datafusion: `X'${value.slice(2)}'`,
        duckdb: `from_hex('${value.slice(2)}')`,
      }[dialect];
    default:
      // A bare number would be taken for a decimal or a double, as the dialect likes.
      return `CAST('${value}' AS ${SQL_TYPES[type] ?? type})`;
  }
}

/** Characters outside ASCII stay as they are; Spark knows backslash escapes in strings. */
function stringLiteral(value: string, dialect: Dialect): string {
  const quoted = value.replaceAll("'", dialect === 'spark' ? "\\'" : "''");
  return `'${dialect === 'spark' ? value.replaceAll('\\', '\\\\').replaceAll("'", "\\'") : quoted}'`;
}

const SQL_TYPES: Readonly<Partial<Record<PrimitiveType, string>>> = {
  byte: 'TINYINT',
  short: 'SMALLINT',
  integer: 'INT',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
};
