import type { AddFile } from '../../delta/actions.ts';
import type { SourceColumns, ValuePlace } from './source-columns.ts';
import type { WantedPartition, WantedRecords } from './wanted-records.ts';

interface Bounds {
  readonly min: unknown;
  readonly max: unknown;
}

/**
 * Whether a data file may have a row of a wanted record, by its statistics and the values in its path. A file without
 * statistics may have any.
 */
export function mayHold(add: AddFile, columns: SourceColumns, wanted: WantedRecords): boolean {
  const stats = parseStats(add.stats);
  const topic = boundsAt(columns.topic, add, stats);
  const partition = boundsAt(columns.partition, add, stats);
  const offset = boundsOf(columns.offset, stats);
  for (const one of wanted.partitions()) {
    if (isWithin(one.topic, topic) && isNumberWithin(one.partition, partition) && wantsOffset(one, offset)) return true;
  }
  return false;
}

interface Stats {
  readonly minValues: Readonly<Record<string, unknown>>;
  readonly maxValues: Readonly<Record<string, unknown>>;
}

const NO_STATS: Stats = { minValues: {}, maxValues: {} };

/** Statistics that are no JSON tell nothing. */
function parseStats(text: string | undefined): Stats {
  if (text === undefined) return NO_STATS;
  try {
    const stats: unknown = JSON.parse(text);
    return isObject(stats) ? { minValues: objectOf(stats.minValues), maxValues: objectOf(stats.maxValues) } : NO_STATS;
  } catch {
    return NO_STATS;
  }
}

function boundsAt({ kind, column }: ValuePlace, { partitionValues }: AddFile, stats: Stats): Bounds {
  if (kind === 'file') return boundsOf(column, stats);
  const value = Object.hasOwn(partitionValues, column) ? partitionValues[column] : undefined;
  return { min: value, max: value };
}

function boundsOf(column: string, { minValues, maxValues }: Stats): Bounds {
  const own = (values: Readonly<Record<string, unknown>>) =>
    Object.hasOwn(values, column) ? values[column] : undefined;
  return { min: own(minValues), max: own(maxValues) };
}

/** Bounds of texts are cut off, downwards and upwards; topics are ASCII, so that any order of texts will do. */
function isWithin(text: string, { min, max }: Bounds): boolean {
  return !(typeof min === 'string' && text < min) && !(typeof max === 'string' && text > max);
}

function isNumberWithin(value: number, bounds: Bounds): boolean {
  return value >= lowest(bounds.min) && value <= highest(bounds.max);
}

function wantsOffset(partition: WantedPartition, bounds: Bounds): boolean {
  return partition.wantsBetween(lowest(bounds.min), highest(bounds.max));
}

function lowest(bound: unknown): number {
  return numberOf(bound) ?? Number.NEGATIVE_INFINITY;
}

function highest(bound: unknown): number {
  return numberOf(bound) ?? Number.POSITIVE_INFINITY;
}

/** Values in paths are texts. */
function numberOf(bound: unknown): number | undefined {
  if (typeof bound === 'number') return bound;
  return typeof bound === 'string' && /^-?\d+$/.test(bound) ? Number(bound) : undefined;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
