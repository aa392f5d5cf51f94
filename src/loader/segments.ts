import type { StructType } from '../delta/schema.ts';
import type { LoadLimits, LoadSettings } from './config.ts';
import { delimiterOfKey, type FileFormat } from './formats.ts';
import { LoadError } from './load-error.ts';
import { readAvroFile } from './read/avro-file.ts';
import { readCsv } from './read/csv.ts';
import { readJsonLines } from './read/json-lines.ts';
import { readParquetFile } from './read/parquet-file.ts';
import type { Position, RowSource, SourceBatch } from './read/row-source.ts';
import { Columns } from './rows/columns.ts';
import type { Partitions } from './rows/partitions.ts';
import { Segment } from './rows/segment.ts';
import type { SourceObject } from './source/object-bytes.ts';
import { openBytes } from './source/open-bytes.ts';

/** What is made of the rows of a file. */
export interface SegmentInput {
  readonly source: SourceObject;
  readonly format: FileFormat;
  readonly settings: LoadSettings;
  readonly limits: LoadLimits;
  /** Columns that are there already, without those of partitions; undefined for a new table. */
  readonly schema: StructType | undefined;
  readonly partitions: Partitions;
  readonly from: Position;
  /** Names of a CSV file's columns, where it is read from the middle. */
  readonly header: readonly string[] | undefined;
  /** Where to stop, whatever the limits are; undefined for the end of the file. */
  readonly to?: Position | undefined;
  sleep(ms: number): Promise<void>;
}

export interface FinishedSegment {
  readonly segment: Segment;
  readonly from: Position;
  readonly to: Position;
  /** Whether nothing is behind it in the file. */
  readonly isLast: boolean;
  readonly header: readonly string[] | undefined;
}

/** Times that one batch may bring new columns: each time it has all that could be seen with those before. */
const MAX_GROWTHS = 100;

/**
 * Cuts the rows of a file into segments: one ends when it has enough, and before rows with columns that it lacks. A
 * segment is worked off before the next one is begun.
 */
export async function* readSegments(input: SegmentInput): AsyncGenerator<FinishedSegment, void> {
  const source = await openRows(input);
  const columns = new Columns(input.settings, input.schema, input.partitions.names);
  let from = input.from;
  let to = input.from;
  let segment: Segment | undefined;
  const finished = (of: Segment, isLast: boolean): FinishedSegment => {
    const done = { segment: of, from, to, isLast, header: source.header() };
    from = to;
    segment = undefined;
    return done;
  };
  const create = () => new Segment(columns.plan(), columns.news, input.partitions, input.limits);
  let isFirst = true;
  for await (const batch of source.batches) {
    if (isFirst && batch.schema !== undefined) columns.declare(batch.schema);
    isFirst = false;
    const end = input.to === undefined ? batch.rows.length : rowsUntil(batch, input.to);
    let growths = 0;
    for (let next = 0; next < end; ) {
      if (input.to === undefined && segment?.isFull) yield finished(segment, false);
      segment ??= create();
      const { count, grew } = segment.take(batch, next, end);
      if (grew && ++growths > MAX_GROWTHS) {
        throw new LoadError('UNSUPPORTED_FILE', `the rows at line ${batch.rows[next]?.number} have ever more columns`);
      }
      next += count;
      to = batch.rows[next - 1]?.end ?? to;
      if (next === end) break;
      // Its plan lacks columns, or there is no room for another partition.
      if (!segment.isEmpty) yield finished(segment, false);
      segment = undefined;
    }
    if (end < batch.rows.length) break;
  }
  if (segment !== undefined && !segment.isEmpty) yield finished(segment, true);
}

async function openRows({ source, format, settings, limits, from, header, sleep }: SegmentInput): Promise<RowSource> {
  const { maxLineBytes } = limits;
  if (format === 'parquet') return readParquetFile(source, from);
  const bytes = await openBytes(source, sleep);
  switch (format) {
    case 'json-lines':
      return readJsonLines(bytes, from, maxLineBytes);
    case 'avro':
      return readAvroFile(bytes, from, maxLineBytes);
    case 'csv': {
      const delimiter = settings.csv.delimiter ?? delimiterOfKey(source.key);
      return readCsv(bytes, from, { settings: { ...settings.csv, delimiter }, header, maxBytes: maxLineBytes });
    }
  }
}

/** Rows of a batch that end at a place or before. */
function rowsUntil({ rows }: SourceBatch, to: Position): number {
  const behind = rows.findIndex(({ end }) => isBehind(end, to));
  return behind === -1 ? rows.length : behind;
}

function isBehind(a: Position, b: Position): boolean {
  return a.offset > b.offset || (a.offset === b.offset && (a.index ?? 0) > (b.index ?? 0));
}
