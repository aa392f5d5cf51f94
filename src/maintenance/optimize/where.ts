import { isDeltaError } from '../../delta/errors.ts';
import { type PartitionType, partitionValue } from '../../delta/partition.ts';
import { type DataType, decimalOf } from '../../delta/schema.ts';
import { canonicalValue, type PartitionValues } from './partition-key.ts';

export type FilterOperator = '=' | '!=' | '<' | '<=' | '>' | '>=';

/** A comparison of a partition column with a value. */
export interface PartitionFilter {
  readonly column: string;
  readonly operator: FilterOperator;
  /** As a partition's folder has it; '' is null. */
  readonly value: string;
}

/** Reads `ds=2026-11-24`, `hour >= 12`. Throws RangeError for anything else. */
export function parsePartitionFilter(text: string): PartitionFilter {
  const [, column = '', operator = '', value = ''] = /^\s*([^<>=!]+?)\s*(<=|>=|!=|=|<|>)\s*(.*?)\s*$/s.exec(text) ?? [];
  if (column === '') throw new RangeError(`expected a comparison such as ds=2026-11-24 or hour>=12, got "${text}"`);
  return { column, operator: operator as FilterOperator, value: unquoted(value) };
}

/** Values may stand in quotes, as in SQL. */
function unquoted(value: string): string {
  return /^'(.*)'$/s.exec(value)?.[1] ?? value;
}

/**
 * Whether a partition is one that all filters hold for. null equals null, and is neither smaller nor greater than
 * anything. Throws RangeError for a column that is no partition column, and a value that does not fit its type.
 */
export function partitionMatcher(
  filters: readonly PartitionFilter[],
  columns: readonly PartitionType[],
): (values: PartitionValues) => boolean {
  const tests = filters.map((filter) => {
    const column = columns.find(({ name }) => name.toLowerCase() === filter.column.toLowerCase());
    if (column === undefined) {
      const known = columns.length === 0 ? 'the table has none' : columns.map(({ name }) => name).join(', ');
      throw new RangeError(`"${filter.column}" is not a partition column: ${known}`);
    }
    const wanted = canonical(filter, column);
    return (values: PartitionValues) => {
      const actual = canonicalValue(values[column.name] ?? null, column);
      return holds(filter.operator, compare(actual, wanted, column.type));
    };
  });
  return (values) => tests.every((test) => test(values));
}

function canonical({ column, value }: PartitionFilter, { type }: PartitionType): string | null {
  try {
    return partitionValue(value, type, column);
  } catch (error) {
    if (isDeltaError(error, 'INVALID_SCHEMA')) throw new RangeError(error.message, { cause: error });
    throw error;
  }
}

/** Negative, 0 or positive; NaN when null is compared with a value. */
function compare(actual: string | null, wanted: string | null, type: DataType): number {
  if (actual === null || wanted === null) return actual === wanted ? 0 : Number.NaN;
  const decimal = decimalOf(type);
  if (decimal !== undefined || INTEGERS.has(type)) {
    const [a, b] = [wholeNumber(actual), wholeNumber(wanted)];
    return a < b ? -1 : a > b ? 1 : 0;
  }
  if (type === 'float' || type === 'double') return Math.sign(Number(actual) - Number(wanted));
  // Canonical dates and times are in the order of their text.
  return Buffer.compare(Buffer.from(actual), Buffer.from(wanted));
}

const INTEGERS: ReadonlySet<DataType> = new Set(['byte', 'short', 'integer', 'long']);

/** The digits of a canonical number; all of one decimal type have as many behind the point. */
function wholeNumber(text: string): bigint {
  return BigInt(text.replace('.', ''));
}

function holds(operator: FilterOperator, order: number): boolean {
  switch (operator) {
    case '=':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}
