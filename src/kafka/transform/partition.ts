import { Buffer } from 'node:buffer';
import { isDeltaError } from '../../delta/errors.ts';
import { isPartitionType, partitionValue } from '../../delta/partition.ts';
import { type DataType, typeName } from '../../delta/schema.ts';
import { type Datum, NumberText } from '../decode/datum.ts';
import { describeDatum } from '../decode/json-text.ts';
import { PayloadError } from '../decode/payload-error.ts';
import type { KafkaRecord } from '../record.ts';
import { compileExpression } from './expression.ts';

/** A column that partitions a table, and where its values come from. */
export interface PartitionRule {
  readonly name: string;
  readonly type: DataType;
  /** @default the row's field of the column's name */
  readonly expression?: string;
}

export interface Partition {
  readonly name: string;
  readonly type: DataType;
  readonly usesRow: boolean;
  /**
   * The partition value of a row in the form that the log has (PROTOCOL.md, "Partition Value Serialization"); null for null
   * and ''. Throws PayloadError `INVALID_TARGET` for a value that is not exactly of the type, and `EXPRESSION_FAILED`.
   */
  valueOf(row: Datum, record?: KafkaRecord): string | null;
}

/** Bytes of a value in UTF-8: three times as many, escaped, are well within a key of 1,024. */
const MAX_VALUE_BYTES = 256;

/** Hive's name for null, which a folder cannot have for anything else. */
const HIVE_NULL = '__HIVE_DEFAULT_PARTITION__';

/**
 * Compiles a partition column. Text is taken for every type in the form of that type, booleans for `boolean` and `string`,
 * numbers for numbers and `string`. Throws an Error for a type that cannot partition a table, and for no expression.
 */
export function compilePartition({ name, type, expression }: PartitionRule): Partition {
  if (!isPartitionType(type))
    throw new Error(`The column "${name}" of type ${typeName(type)} cannot partition a table`);
  const compiled = compileExpression(expression ?? JSON.stringify(name));
  return {
    name,
    type,
    usesRow: compiled.usesRow,
    valueOf: (row, record) => toPartitionValue(compiled.evaluate(row, record), type, name),
  };
}

function toPartitionValue(value: Datum, type: DataType, name: string): string | null {
  if (value === null || value === undefined) return null;
  const raw = rawText(value);
  if (raw === undefined) throw unfit(value, type, name);
  if (Buffer.byteLength(raw) > MAX_VALUE_BYTES || raw.includes('\0') || !raw.isWellFormed() || raw === HIVE_NULL) {
    throw unfit(value, type, name, `, of at most ${MAX_VALUE_BYTES} bytes in UTF-8, without NUL`);
  }
  try {
    return partitionValue(raw, type, name);
  } catch (error) {
    if (isDeltaError(error, 'INVALID_SCHEMA')) throw unfit(value, type, name);
    throw error;
  }
}

/** Numbers are no dates and times: nothing says what they count, and their text has the form of none. */
function rawText(value: Datum): string | undefined {
  return typeof value !== 'object' || value instanceof NumberText ? String(value) : undefined;
}

function unfit(value: Datum, type: DataType, name: string, more = ''): PayloadError {
  const expected = `expected a value of type ${typeName(type)}${more}`;
  return new PayloadError('INVALID_TARGET', `The partition column "${name}" got ${describeDatum(value)}, ${expected}`);
}
