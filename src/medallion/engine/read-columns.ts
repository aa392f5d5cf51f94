import type { DuckDBType } from '@duckdb/node-api';
import type { StructType } from '../../delta/schema.ts';
import type { Footer } from '../../parquet/footer.ts';
import { bindColumns, type ColumnSource } from '../../parquet/rewrite/bind-columns.ts';
import { formatNodeType, type SchemaNode } from '../../parquet/schema-node.ts';
import { quoteName } from './sql-text.ts';
import { duckDbType } from './types.ts';

/** Tells files apart that have to be read by other expressions: the names and types in their footers. */
export function layoutKey({ root, writtenBySpark }: Footer): string {
  return JSON.stringify([writtenBySpark, ...root.children.map(layoutOf)]);
}

function layoutOf(node: SchemaNode): unknown {
  const own = [node.name, formatNodeType(node), node.repetition];
  return node.kind === 'leaf' ? own : [...own, ...node.children.map(layoutOf)];
}

/** Why files cannot be read as a schema (without partition columns); none if they can. */
export function readProblems(footer: Footer, schema: StructType): readonly string[] {
  return bindColumns(footer, schema, { typeWidening: true, dropUnknown: true }).problems;
}

/**
 * Expressions for the columns of `schema`, in its order, over files of one layout under the name `alias`, which DuckDB reads as `columns`. A column
 * or a field that the files lack is null. Values keep what they are: the cast is between types that hold the same. Undefined
 * for a value in a nested column that no cast keeps.
 */
export function readColumns(
  alias: string,
  footer: Footer,
  schema: StructType,
  columns: ReadonlyMap<string, DuckDBType>,
): readonly (string | undefined)[] {
  const { fields } = bindColumns(footer, schema, { typeWidening: true, dropUnknown: true });
  return schema.fields.map(({ name, type }, index) => {
    const wanted = duckDbType(type, name);
    const source = fields[index]?.source;
    const actual = columns.get(name);
    if (source === undefined || source.kind === 'absent' || actual === undefined) return `CAST(NULL AS ${wanted})`;
    return readValue(`${alias}.${quoteName(name)}`, source, actual, wanted);
  });
}

function readValue(value: string, source: ColumnSource, actual: DuckDBType, wanted: string): string | undefined {
  const name = actual.toString();
  if (name === wanted) return value;
  if (source.kind === 'leaf' && source.type === 'binary') {
    // A cast would take a text's backslashes for escapes, and a UUID has no cast.
    return name === 'UUID' ? `unhex(replace(CAST(${value} AS VARCHAR), '-', ''))` : `encode(CAST(${value} AS VARCHAR))`;
  }
  return changesBinary(source, actual) ? undefined : `CAST(${value} AS ${wanted})`;
}

/** Whether a value of the type `binary` is one of another type in the files, in a nested column. */
function changesBinary(source: ColumnSource, actual: DuckDBType): boolean {
  switch (source.kind) {
    case 'absent':
      return false;
    case 'leaf':
      return source.type === 'binary' && actual.toString() !== 'BLOB';
    case 'list':
      return 'valueType' in actual && changesBinary(source.element, actual.valueType);
    case 'map':
      return (
        'keyType' in actual &&
        (changesBinary(source.key, actual.keyType) || changesBinary(source.value, actual.valueType))
      );
    case 'struct':
      return source.fields.some(({ source: field, position }) => {
        const type = 'entryTypes' in actual ? actual.entryTypes[position] : undefined;
        return type !== undefined && changesBinary(field, type);
      });
  }
}
