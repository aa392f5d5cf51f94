import { isParquetError } from './errors.ts';
import type { Footer } from './footer.ts';
import type { RowGroup } from './row-group.ts';
import {
  type FieldReader,
  readBinary,
  readBoolean,
  readCount,
  readList,
  readStruct,
  thriftCursor,
  WIRE,
} from './thrift.ts';

/** The `Statistics` of one column chunk (parquet.thrift), with its bounds as the file has them. */
export interface ChunkStatistics {
  /** Ordered as the file's column order says. */
  minValue: Uint8Array | undefined;
  maxValue: Uint8Array | undefined;
  /** The deprecated pair, always ordered as signed values. */
  min: Uint8Array | undefined;
  max: Uint8Array | undefined;
  nullCount: number | undefined;
  nanCount: number | undefined;
  /** False where the bound may be a value that does not occur; undefined where the writer does not say. */
  minExact: boolean | undefined;
  maxExact: boolean | undefined;
}

/** Statistics of the chunk of a column in a row group; undefined where it has none that can be read. */
export function chunkStatistics(footer: Footer, group: RowGroup, column: number): ChunkStatistics | undefined {
  const position = group.statistics[column];
  if (!position) return undefined;
  const empty: ChunkStatistics = {
    minValue: undefined,
    maxValue: undefined,
    min: undefined,
    max: undefined,
    nullCount: undefined,
    nanCount: undefined,
    minExact: undefined,
    maxExact: undefined,
  };
  return readOrUndefined(footer, position, empty, readStatisticsField);
}

/**
 * How many values of the chunk have each definition level; undefined where the file does not say, or says what cannot
 * be: a histogram has an entry a level, and adds up to the values of the chunk.
 */
export function definitionHistogram(footer: Footer, group: RowGroup, column: number): readonly number[] | undefined {
  const position = group.sizes[column];
  const leaf = footer.columns[column];
  if (!position || leaf === undefined) return undefined;
  const counts = readOrUndefined(footer, position, [] as number[], readSizesField);
  if (counts?.length !== leaf.definition + 1) return undefined;
  return counts.reduce((sum, count) => sum + count, 0) === group.numValues[column] ? counts : undefined;
}

/** Statistics are a help. One that is not of the shape that the format gives it is as good as none. */
function readOrUndefined<T>(footer: Footer, position: number, target: T, readField: FieldReader<T>): T | undefined {
  try {
    return readStruct(thriftCursor(footer.bytes, position), WIRE.STRUCT, target, readField);
  } catch (error) {
    if (isParquetError(error, 'CORRUPT')) return undefined;
    throw error;
  }
}

const readStatisticsField: FieldReader<ChunkStatistics> = (cursor, id, type, statistics) => {
  switch (id) {
    case 1:
      statistics.max = readBinary(cursor, type);
      return true;
    case 2:
      statistics.min = readBinary(cursor, type);
      return true;
    case 3:
      statistics.nullCount = readCount(cursor, type);
      return true;
    case 5:
      statistics.maxValue = readBinary(cursor, type);
      return true;
    case 6:
      statistics.minValue = readBinary(cursor, type);
      return true;
    case 7:
      statistics.maxExact = readBoolean(cursor, type);
      return true;
    case 8:
      statistics.minExact = readBoolean(cursor, type);
      return true;
    case 9:
      statistics.nanCount = readCount(cursor, type);
      return true;
    default:
      return false;
  }
};

const readSizesField: FieldReader<number[]> = (cursor, id, type, counts) => {
  if (id !== 3) return false;
  readList(cursor, type, (itemCursor, itemType) => {
    counts.push(readCount(itemCursor, itemType));
  });
  return true;
};
