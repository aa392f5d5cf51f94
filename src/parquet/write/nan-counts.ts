import { type Footer, TRAILER_BYTES } from '../footer.ts';
import type { LeafNode } from '../schema-node.ts';
import { readStruct, skip, thriftCursor, WIRE } from '../thrift.ts';
import type { EncodedFile } from './encode.ts';

/** NaNs among the values of a column in the rows from `from` to `to`. */
export type CountNaN = (column: LeafNode, from: number, to: number) => number;

/**
 * The file with the number of NaNs in the statistics of its FLOAT and DOUBLE columns (parquet.thrift,
 * `Statistics.nan_count`), which parquet-rs does not write. Without it, nobody can tell whether the largest number is an
 * upper bound. Where there is a NaN it is none, and is taken out: Spark orders NaN above all numbers, and would pass over
 * a row group for `x > 1` if its largest number was 1. The footer is the end of the file, so nothing else moves.
 */
export function withNanCounts({ bytes, footer }: EncodedFile, count: CountNaN): Uint8Array {
  const edits = nanCounts(footer, count);
  if (edits.length === 0) return bytes;
  const footerStart = bytes.length - TRAILER_BYTES - footer.bytes.length;
  const added = edits.reduce((sum, { start, end, replacement }) => sum + replacement.length - (end - start), 0);
  const file = new Uint8Array(bytes.length + added);
  let read = 0;
  let written = 0;
  const copy = (part: Uint8Array) => {
    file.set(part, written);
    written += part.length;
  };
  for (const { start, end, replacement } of edits) {
    copy(bytes.subarray(read, footerStart + start));
    copy(replacement);
    read = footerStart + end;
  }
  copy(bytes.subarray(read));
  new DataView(file.buffer).setUint32(file.length - TRAILER_BYTES, footer.bytes.length + added, true);
  return file;
}

/** What stands in the place of some of the footer's bytes. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly replacement: Uint8Array;
}

/** In the order of their positions. */
function nanCounts(footer: Footer, count: CountNaN): Edit[] {
  const columns = footer.columns.filter(
    ({ physical, repeats }) => (physical === 'FLOAT' || physical === 'DOUBLE') && repeats === 0,
  );
  const edits: Edit[] = [];
  let row = 0;
  for (const group of footer.rowGroups) {
    for (const column of columns) {
      const statistics = group.statistics[column.column];
      if (statistics) edits.push(nanCount(footer, statistics, count(column, row, row + group.rowCount)));
    }
    row += group.rowCount;
  }
  return edits.sort((a, b) => a.start - b.start);
}

/** Ids of the fields of `Statistics` (parquet.thrift). */
const FIELD = { max: 1, min: 2, maxValue: 5, maxExact: 7, nanCount: 9 } as const;

/** Bounds above, and the deprecated pair, which is of use only as a pair. */
const UPPER: ReadonlySet<number> = new Set([FIELD.max, FIELD.min, FIELD.maxValue, FIELD.maxExact]);

/** A struct of statistics, written again with the count, and without upper bounds where that is not 0. */
function nanCount(footer: Footer, start: number, count: number): Edit {
  const cursor = thriftCursor(footer.bytes, start);
  const written: number[] = [];
  let last = 0;
  const writeField = (id: number, type: number, value: Iterable<number>) => {
    // The ids ascend by less than 16, so that a header has both the type and the step.
    written.push(((id - last) << 4) | type, ...value);
    last = id;
  };
  readStruct(cursor, WIRE.STRUCT, undefined, (field, id, type) => {
    const from = field.offset;
    skip(field, type);
    if (count === 0 || !UPPER.has(id)) writeField(id, type, footer.bytes.subarray(from, field.offset));
    return true;
  });
  writeField(FIELD.nanCount, WIRE.I64, zigZag(count));
  return { start, end: cursor.offset, replacement: Uint8Array.of(...written, STOP) };
}

/** Ends a struct. */
const STOP = 0;

/** A count as a varint: zigzag doubles it, as it is not negative. */
function zigZag(count: number): number[] {
  const bytes: number[] = [];
  let rest = 2 * count;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}
