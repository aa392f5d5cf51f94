import { CdfError } from '../../cdf/errors.ts';
import type { AddFile } from '../../delta/actions.ts';
import { MAX_FILES_OF_VERSION, type Position } from '../position.ts';
import type { BatchLimits, SourceBatch } from './batch.ts';
import { type FileOrder, orderFiles } from './file-order.ts';
import { activeFile } from './relation-file.ts';
import { SOURCE_EXTRAS, type SourceTable, sourceShape } from './source-table.ts';

/** What a source had at a version, part by part. */
export interface Backfill {
  readonly version: number;
  /** Files of the version. */
  readonly fileCount: number;
  /** The part after the first `done` files; undefined when there is none. */
  next(done: number, options: BackfillOptions): Promise<SourceBatch | undefined>;
}

export interface BackfillOptions {
  /** Of the relation. */
  readonly name: string;
  readonly limits: Pick<BatchLimits, 'maxBytes' | 'maxFiles'>;
}

/**
 * Opens what a source had at a version, to be read in parts whose files follow a lasting order: by partition, so that a part
 * has few of them. Reads the list of the files, and once more for each part; holds a few bytes for each file. Throws CdfError
 * `CHANGES_GONE` where the version cannot be told any more.
 */
export async function openBackfill(source: SourceTable, version: number): Promise<Backfill> {
  const snapshot = await source.log.snapshotAt(version);
  const shape = sourceShape(snapshot);
  const order = await orderFiles(snapshot, source.reader);
  if (order.count >= MAX_FILES_OF_VERSION) throw tooManyFiles(source, version, order);
  return {
    version,
    fileCount: order.count,
    async next(done, { name, limits }) {
      if (done >= order.count) return undefined;
      const adds = withinBytes(await order.slice(done, done + Math.max(limits.maxFiles, 1)), limits.maxBytes);
      const bytes = adds.reduce((sum, { size }) => sum + size, 0);
      const from: Position = { version, files: done };
      const files = adds.map((add) => activeFile(source.table, add, { segment: 0, version }));
      const { schema, partitionColumns } = shape;
      return {
        relation: { name, schema, partitionColumns, extras: SOURCE_EXTRAS, files },
        segments: [0],
        removesAt: undefined,
        leftOut: [],
        from,
        until: { version, files: done + adds.length },
        fromVersion: version,
        untilVersion: version,
        bytes,
        isTooLarge: bytes > limits.maxBytes,
        isLast: done + adds.length >= order.count,
      };
    },
  };
}

/** The first files, as many as the bytes allow, and one at least. */
function withinBytes(adds: readonly AddFile[], maxBytes: number): readonly AddFile[] {
  let bytes = 0;
  const count = adds.findIndex(({ size }) => {
    bytes += size;
    return bytes > maxBytes;
  });
  return count === -1 ? adds : adds.slice(0, Math.max(count, 1));
}

function tooManyFiles({ table }: SourceTable, version: number, { count }: FileOrder): CdfError {
  return new CdfError(
    'UNSUPPORTED_TABLE',
    `Version ${version} of ${table.url} has ${count} files, expected less than ${MAX_FILES_OF_VERSION}: compact the table ` +
      'first, or let the step start with what comes (start: latest)',
    { table: table.url, version, files: count },
  );
}
