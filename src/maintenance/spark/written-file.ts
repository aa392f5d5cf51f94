import type { AddFile } from '../../delta/actions.ts';
import { clusteringColumns, supportsFeature } from '../../delta/features.ts';
import { encodePath } from '../../delta/path.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { statsJson } from '../../delta/stats.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import type { Footer } from '../../parquet/footer.ts';
import { readFooter } from '../../parquet/footer-reader.ts';
import { fileStatistics } from '../../parquet/statistics.ts';
import type { OutputFile } from './result.ts';

/** A file that Spark wrote and whose footer was seen. */
export interface WrittenFile extends OutputFile {
  readonly footer: Footer;
}

/** Reads the footer of a file: one ranged GET for the usual one. Throws the store's errors and ParquetError. */
export async function readWritten(table: TableRef, { path, size }: OutputFile): Promise<WrittenFile> {
  const footer = await readFooter(table.store, tableKey(table, path), { size });
  // A copy lets go of the rest of the bytes that the request brought.
  return { path, size, footer: { ...footer, bytes: footer.bytes.slice() } };
}

export interface AddContext {
  readonly head: Snapshot;
  readonly partitionValues: AddFile['partitionValues'];
  /** ms since the epoch. */
  readonly now: number;
}

/** The `add` of a file whose rows are in the table already. */
export function addOf({ path, size, footer }: WrittenFile, { head, partitionValues, now }: AddContext): AddFile {
  const { metadata, protocol, schema, domains } = head;
  return {
    path: encodePath(path),
    partitionValues,
    size,
    modificationTime: now,
    dataChange: false,
    stats: statsJson(fileStatistics(footer), {
      schema,
      partitionColumns: metadata.partitionColumns,
      configuration: metadata.configuration,
      clusteringColumns: clusteringColumns(domains),
      tightBounds: supportsFeature(protocol, 'deletionVectors'),
    }),
  };
}
