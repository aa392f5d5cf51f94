import type { StructType } from '../delta/schema.ts';
import type { LoadEngine } from './engine.ts';
import { LoadError } from './load-error.ts';
import { currentTable, type LoadJob } from './load-file.ts';
import { dataColumns } from './load-run.ts';
import { START } from './read/row-source.ts';
import { createPartitions } from './rows/partitions.ts';
import type { RejectedRow } from './rows/segment.ts';
import { readSegments } from './segments.ts';

/** What loading a file would do. */
export interface LoadPreview {
  readonly rows: number;
  readonly rejected: number;
  readonly firstRejected: readonly RejectedRow[];
  /** Output files. */
  readonly files: number;
  /** Of the last output files, without partition columns; undefined where there would be none. */
  readonly schema: StructType | undefined;
  readonly partitionColumns: readonly string[];
}

const NAMED_REJECTED = 10;

/** Reads a file as `loadFile` does, and writes nothing. Throws LoadError for a file that would be quarantined unread. */
export async function previewFile(engine: LoadEngine, job: LoadJob): Promise<LoadPreview> {
  const { source, settings, format, limits } = job;
  const object = await source.store.head(source.key);
  if (object === undefined) throw new LoadError('SOURCE_CHANGED', `there is no ${source.url}`);
  const target = await currentTable(engine, job);
  const partitions = createPartitions(target.partitionColumns, settings.partitionBy, source.key);
  let [rows, rejected, files] = [0, 0, 0];
  const firstRejected: RejectedRow[] = [];
  let schema: StructType | undefined;
  for await (const { segment } of readSegments({
    source: { ...source, etag: object.etag, size: object.size },
    format,
    settings,
    limits,
    schema: dataColumns(target),
    partitions,
    from: START,
    header: undefined,
    sleep: (ms) => engine.sleep(ms),
  })) {
    rows += segment.rowCount;
    rejected += segment.rejected.length;
    firstRejected.push(...segment.rejected.slice(0, NAMED_REJECTED - firstRejected.length));
    files += segment.files.length;
    schema = segment.plan.schema;
    job.onPart?.(rows);
  }
  return { rows, rejected, firstRejected, files, schema, partitionColumns: partitions.names };
}
