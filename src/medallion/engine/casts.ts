import { type DataType, decimalOf, isStruct, type StructType, typeName } from '../../delta/schema.ts';
import { EngineError } from './errors.ts';
import { quoteName } from './sql-text.ts';
import { duckDbType } from './types.ts';

/**
 * The columns of `schema` from a query that has them as `actual`, cast to their types. Throws EngineError `TYPE`, naming each,
 * for columns that are missing or too many, and for types between which a cast would quietly change values (1.5 to 2, a text
 * that may be no number): those are for the SQL to say. Values that do not fit, such as too large integers, fail at their row.
 */
export function castColumns(actual: StructType, schema: StructType, what: string): string {
  const problems: string[] = [];
  const found = new Map(actual.fields.map((field) => [field.name, field.type]));
  const wanted = new Set(schema.fields.map(({ name }) => name));
  const selected = schema.fields.map(({ name, type }) => {
    const from = found.get(name);
    if (from === undefined) problems.push(`it has no column "${name}"`);
    else if (!isCastable(from, type)) {
      problems.push(`its column "${name}" is ${typeName(from)}, expected ${typeName(type)}: cast it`);
    }
    return `CAST(${quoteName(name)} AS ${duckDbType(type, name)}) AS ${quoteName(name)}`;
  });
  for (const { name } of actual.fields) if (!wanted.has(name)) problems.push(`it has the column "${name}" too many`);
  if (problems.length > 0) throw new EngineError('TYPE', `${what} does not fit: ${problems.join('; ')}`, { problems });
  return selected.join(', ');
}

const INTEGERS: ReadonlySet<DataType> = new Set(['byte', 'short', 'integer', 'long']);
const TIMES: ReadonlySet<DataType> = new Set(['timestamp', 'timestamp_ntz']);

/**
 * Whether values of a type can become those of another, each as what it is or with an error. Integers become floats as in
 * every SQL; timestamps with and without a zone are each other's in UTC.
 */
function isCastable(from: DataType, to: DataType): boolean {
  if (from === to || from === 'void') return true;
  if (typeof from === 'string' || typeof to === 'string') return isScalarCastable(from, to);
  if (from.type === 'array') return to.type === 'array' && isCastable(from.elementType, to.elementType);
  if (from.type === 'map') {
    return to.type === 'map' && isCastable(from.keyType, to.keyType) && isCastable(from.valueType, to.valueType);
  }
  // By name; a field that is missing is null, one too many would be lost.
  if (!isStruct(to)) return false;
  const fields = new Map(to.fields.map((field) => [field.name, field.type]));
  return from.fields.every(({ name, type }) => {
    const target = fields.get(name);
    return target !== undefined && isCastable(type, target);
  });
}

function isScalarCastable(from: DataType, to: DataType): boolean {
  const [source, target] = [decimalOf(from), decimalOf(to)];
  const isFloat = to === 'float' || to === 'double';
  if (INTEGERS.has(from)) return INTEGERS.has(to) || isFloat || target !== undefined;
  if (source !== undefined) {
    if (INTEGERS.has(to)) return source.scale === 0;
    return isFloat || (target !== undefined && target.scale >= source.scale);
  }
  if (from === 'float' || from === 'double') return isFloat;
  if (from === 'date') return TIMES.has(to);
  return TIMES.has(from) && TIMES.has(to);
}
