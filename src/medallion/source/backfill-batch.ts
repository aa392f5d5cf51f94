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

/** Files that are taken from the list at once, for the parts that come next: some hundred bytes each. */
const FILES_AHEAD = 10_000;

/**
 * Opens backfills, and remembers the last one: the parts of a version follow one another, so that the list of its files is read once
 * more for each `FILES_AHEAD` files and not for each part.
 */
export function createBackfills(): typeof openBackfill {
  let last: { readonly key: string; readonly backfill: Backfill } | undefined;
  return async (source, version) => {
    const key = JSON.stringify([source.table.url, source.latest.metadata.id, version]);
    if (last?.key === key) return last.backfill;
    last = undefined;
    const opened = await openBackfill(source, version);
    const backfill: Backfill = {
      ...opened,
      async next(done, options) {
        try {
          return await opened.next(done, options);
        } catch (error) {
          // The log may have been cleaned up since it was opened.
          last = undefined;
          throw error;
        }
      },
    };
    last = { key, backfill };
    return backfill;
  };
}

/**
 * Opens what a source had at a version, to be read in parts whose files follow a lasting order: by partition, so that a part
 * has few of them. Reads the list of the files, and again for the first part and after `FILES_AHEAD` files; holds eight bytes for each
 * file beside these. Throws CdfError `CHANGES_GONE` where the version cannot be told any more.
 */
export async function openBackfill(source: SourceTable, version: number): Promise<Backfill> {
  const snapshot = await source.log.snapshotAt(version);
  const shape = sourceShape(snapshot);
  const order = await orderFiles(snapshot, source.reader);
  if (order.count >= MAX_FILES_OF_VERSION) throw tooManyFiles(source, version, order);
  const take = lookAhead(order);
  return {
    version,
    fileCount: order.count,
    async next(done, { name, limits }) {
      if (done >= order.count) return undefined;
      const adds = withinBytes(await take(done, Math.max(limits.maxFiles, 1)), limits.maxBytes);
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

/** Gives the `count` files from a place on, fewer at the end, from those that were taken ahead. */
function lookAhead(order: FileOrder): (start: number, count: number) => Promise<readonly AddFile[]> {
  let first = 0;
  let ahead: readonly AddFile[] = [];
  return async (start, count) => {
    const end = Math.min(start + count, order.count);
    if (start < first || end > first + ahead.length) {
      ahead = await order.slice(start, start + Math.max(count, FILES_AHEAD));
      first = start;
    }
    return ahead.slice(start - first, end - first);
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
