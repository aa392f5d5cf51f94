import type { AddFile, DomainMetadata, Metadata, Protocol, RemoveFile, Sidecar, Txn } from './actions.ts';
import type { TableRef } from './table.ts';

/** One Parquet file that holds actions: a classic checkpoint, a part of one, a V2 top level, or a sidecar. */
export interface ActionFile {
  readonly key: string;
  /** Bytes; undefined when not known yet (then it costs one more request). */
  readonly size?: number;
}

/** The actions of a checkpoint that are few whatever the table's size. */
export interface ControlActions {
  readonly protocol?: Protocol;
  readonly metadata?: Metadata;
  readonly txns: readonly Txn[];
  readonly domains: readonly DomainMetadata[];
  readonly sidecars: readonly Sidecar[];
}

/** A file action of a checkpoint; a `remove` is a tombstone that has not expired. */
export type FileAction = { readonly add: AddFile } | { readonly remove: RemoveFile };

/**
 * Reads Parquet checkpoints for the log library, which itself knows no Parquet.
 * The implementation is `src/parquet/checkpoint-reader.ts`.
 */
export interface CheckpointReader {
  /**
   * Reads only the column chunks of the few actions (for 1,000,000 adds: about 30 kB of 247 MB), in memory that does
   * not depend on the number of file rows.
   */
  readControl(table: TableRef, file: ActionFile): Promise<ControlActions>;
  /** Streams the adds (and the removes if asked) in bounded memory, in batches in the order of the rows. */
  readFiles(table: TableRef, file: ActionFile, options?: ReadFilesOptions): AsyncIterable<readonly FileAction[]>;
  /**
   * Streams the path column only, and reads the other columns just for the rows whose logged path is in `paths`.
   * Memory is bounded whatever the size of the checkpoint.
   */
  findFiles(
    table: TableRef,
    file: ActionFile,
    paths: LoggedPaths,
    options?: ReadFilesOptions,
  ): Promise<readonly FileAction[]>;
}

/**
 * Which logged paths are wanted. Only `has` is called, so that a caller may compare what the paths mean instead of how
 * they are spelled (writers encode them differently); a `Set` of logged paths serves as well.
 */
export type LoggedPaths = Pick<ReadonlySet<string>, 'has'>;

export interface ReadFilesOptions {
  /** Also the `stats` column. @default false */
  readonly stats?: boolean;
  /** Also the removes. @default false */
  readonly removes?: boolean;
}
