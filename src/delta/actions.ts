/**
 * The actions of the Delta transaction log (PROTOCOL.md, "Actions"), as they stand in a commit's JSON and in a
 * checkpoint's rows. Fields that this project does not interpret are kept as they came.
 */

/** PROTOCOL.md "Add File". `path` is as logged: URI-encoded, relative to the table root or absolute. */
export interface AddFile {
  readonly path: string;
  /** Column name -> serialised value; null and '' both mean null. */
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** Bytes. */
  readonly size: number;
  /** ms since the epoch. */
  readonly modificationTime: number;
  readonly dataChange: boolean;
  /** JSON text of the per-file statistics. */
  readonly stats?: string;
  readonly tags?: Readonly<Record<string, string | null>>;
  readonly deletionVector?: DeletionVector;
  readonly baseRowId?: number;
  readonly defaultRowCommitVersion?: number;
  readonly clusteringProvider?: string;
}

/** PROTOCOL.md "Remove File". */
export interface RemoveFile {
  readonly path: string;
  /** ms since the epoch. */
  readonly deletionTimestamp?: number;
  readonly dataChange: boolean;
  readonly extendedFileMetadata?: boolean;
  readonly partitionValues?: Readonly<Record<string, string | null>>;
  /** Bytes. */
  readonly size?: number;
  readonly stats?: string;
  readonly tags?: Readonly<Record<string, string | null>>;
  readonly deletionVector?: DeletionVector;
  readonly baseRowId?: number;
  readonly defaultRowCommitVersion?: number;
}

export interface DeletionVector {
  readonly storageType: string;
  readonly pathOrInlineDv: string;
  readonly offset?: number;
  readonly sizeInBytes: number;
  readonly cardinality: number;
}

/** PROTOCOL.md "Change Metadata". */
export interface Metadata {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly format: { readonly provider: string; readonly options: Readonly<Record<string, string>> };
  /** JSON text of the table's schema; `parseSchema` reads it. */
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  /** ms since the epoch. */
  readonly createdTime?: number;
}

/** PROTOCOL.md "Protocol Evolution". The feature lists are there exactly for reader 3 and writer 7. */
export interface Protocol {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly readerFeatures?: readonly string[];
  readonly writerFeatures?: readonly string[];
}

/** PROTOCOL.md "Transaction Identifiers". */
export interface Txn {
  readonly appId: string;
  readonly version: number;
  /** ms since the epoch. */
  readonly lastUpdated?: number;
}

/** PROTOCOL.md "Commit Provenance Information": free-form, but for the fields that have a meaning here. */
export interface CommitInfo {
  /** ms since the epoch. */
  readonly timestamp?: number;
  /** ms since the epoch; the commit's time where the table has in-commit timestamps. */
  readonly inCommitTimestamp?: number;
  readonly operation?: string;
  readonly operationParameters?: Readonly<Record<string, unknown>>;
  readonly operationMetrics?: Readonly<Record<string, unknown>>;
  readonly isBlindAppend?: boolean;
  readonly engineInfo?: string;
  /** The token by which a writer recognises its own commit. */
  readonly txnId?: string;
  readonly [field: string]: unknown;
}

/** PROTOCOL.md "Domain Metadata". */
export interface DomainMetadata {
  readonly domain: string;
  readonly configuration: string;
  readonly removed: boolean;
}

/** PROTOCOL.md "Add CDC File". */
export interface CdcFile {
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly size: number;
  readonly dataChange: boolean;
  readonly tags?: Readonly<Record<string, string | null>>;
}

/** PROTOCOL.md "Sidecar File Information"; only in V2 checkpoints. */
export interface Sidecar {
  /** File name under `_delta_log/_sidecars/`, or an absolute URI. */
  readonly path: string;
  readonly sizeInBytes: number;
  readonly modificationTime: number;
}

/** One line of a commit: an object with exactly one of these keys. Lines with other keys are ignored, as the protocol asks. */
export type Action =
  | { readonly add: AddFile }
  | { readonly remove: RemoveFile }
  | { readonly metaData: Metadata }
  | { readonly protocol: Protocol }
  | { readonly txn: Txn }
  | { readonly commitInfo: CommitInfo }
  | { readonly domainMetadata: DomainMetadata }
  | { readonly cdc: CdcFile };
