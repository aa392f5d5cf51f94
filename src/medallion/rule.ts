/** Where a table lies: a bucket, or the folder of a machine, and the key prefix of its root. */
export interface TablePlace {
  readonly bucket: string;
  /** Without slashes at its ends. */
  readonly prefix: string;
}

/** A table that a step reads, under the name by which its SQL knows it. */
export interface StepSource extends TablePlace {
  /** Lower-case letters, digits, `_`; the name of a view in the SQL. */
  readonly name: string;
}

/**
 * How a table follows from others. `source` is read by its changes: each of them is in the target once, whatever
 * crashes. `lookups` are read as they are when a batch runs; a change of theirs alone runs nothing.
 */
export interface StepRule {
  /** Tells steps apart: in the log's `txn`, messages, logs and metrics. Lower-case letters, digits, `-`, `_`. */
  readonly name: string;
  readonly target: TablePlace;
  readonly source: StepSource;
  readonly lookups: readonly StepSource[];
  readonly transform: Transform;
  readonly mode: StepMode;
  /** Columns of the target, when it is made; a table that is there keeps its own. */
  readonly partitionBy: readonly string[];
  /** Of the target, when it is made, such as `delta.enableChangeDataFeed`. */
  readonly properties: Readonly<Record<string, string>>;
  /** Whether columns that the transform has and the target has not are added to it, or the step fails. */
  readonly schema: 'evolve' | 'fixed';
  /**
   * What becomes of commits of the source that remove or change rows, where the mode cannot follow them (`append`):
   * the step fails at them, or they are left out.
   */
  readonly changes: 'fail' | 'skip';
  /** Where a step without a position begins: with all that the source has, or with what comes next. */
  readonly start: 'beginning' | 'latest';
  readonly quality: readonly QualityRule[];
  readonly limits: StepLimits;
  /** `auto`: DuckDB in the function, and Spark for a batch that is beyond `limits.maxBytes`, where there is a Spark. */
  readonly engine: 'auto' | 'duckdb' | 'spark';
}

export type Transform =
  | {
      readonly kind: 'sql';
      /** A SELECT of `source.name` and the lookups by their names. */
      readonly sql: string;
      /** The same for Spark, where its dialect differs. */
      readonly sparkSql?: string;
    }
  | {
      readonly kind: 'function';
      /** Path of a module in TypeScript or JavaScript beside the function, which exports `transform`. */
      readonly module: string;
      /** Columns of what it returns, as DDL: `id BIGINT, name STRING`. */
      readonly columns: string;
    };

export type StepMode =
  /** The rows of the transform are added. */
  | { readonly kind: 'append' }
  | MergeMode
  /**
   * Partitions of the target that a batch touches are computed anew from all of the source. `unchanged`: partition columns
   * that each row has from a row of the source, under the same name and as it is there, so that only files of the source
   * that may have such rows are read.
   */
  | { readonly kind: 'replace-partitions'; readonly unchanged?: readonly string[] }
  | AggregateMode
  /** The whole target is computed anew from all of the source and the lookups, when any of them has changed. */
  | { readonly kind: 'replace' };

export interface MergeMode {
  readonly kind: 'merge';
  /** Columns of the target that tell its rows apart. Nulls are equal. Rows of the target that have the same key become one. */
  readonly keys: readonly string[];
  /**
   * Column of the target by which the newest record of a key wins. Without it the one that came last does.
   * Of records of a key with the same value one batch takes any, and the later batch's wins.
   */
  readonly orderBy?: string;
  /**
   * A condition on the columns of the transform: such a record deletes the row of its key. A column
   * `_deleted` is for this only: the target does not get it.
   */
  readonly deleteWhen?: string;
  /** What becomes of rows that are deleted in the source. */
  readonly deletes: 'apply' | 'ignore';
  /**
   * ms that a deleted key is remembered, by the ordering column, so that older records that come late do not bring it back.
   * 0: not at all. Needs `orderBy`.
   */
  readonly lateness: number;
}

/**
 * Rows of one key, which the transform has as sums of a batch (`SELECT k, count(*) n ... GROUP BY k`), add up.
 *
 * Rows that go are taken off as the transform makes them now: a lookup that changes what it makes of the same rows, or a function
 * of the time, makes the sums wrong.
 */
export interface AggregateMode {
  readonly kind: 'aggregate';
  readonly keys: readonly string[];
  /** How each other column of two partial results becomes one. A column that is not named makes each batch compute its keys anew. */
  readonly combine: Readonly<Record<string, 'sum' | 'min' | 'max'>>;
  /** Column with the number of source rows behind a row: at 0 the row goes. Without it, keys of deleted rows are computed anew. */
  readonly rowCount?: string;
  /** As of `replace-partitions`, of the keys. */
  readonly unchanged?: readonly string[];
}

export type QualityCheck =
  | { readonly kind: 'not-null'; readonly column: string }
  /** Bounds are SQL literals or expressions, both included. */
  | { readonly kind: 'range'; readonly column: string; readonly min?: string; readonly max?: string }
  | { readonly kind: 'accepted'; readonly column: string; readonly values: readonly string[] }
  /** In the batch. */
  | { readonly kind: 'unique'; readonly columns: readonly string[] }
  /** A row of the lookup has these values; rows with a null in one of them pass. */
  | {
      readonly kind: 'references';
      readonly columns: readonly string[];
      readonly lookup: string;
      readonly lookupColumns: readonly string[];
    }
  /** Any condition on the columns of the transform; null is not true. */
  | { readonly kind: 'condition'; readonly sql: string };

export interface QualityRule {
  /** Of the metrics and of the quarantined rows. */
  readonly name: string;
  readonly check: QualityCheck;
  /** `warn`: counted. `quarantine`: rows go to the table `<target>__quarantine`, with the rule. `fail`: the batch fails. */
  readonly action: 'warn' | 'quarantine' | 'fail';
}

export interface StepLimits {
  /** Bytes of the files of a batch, of the source and of what has to be rewritten in the target. */
  readonly maxBytes: number;
  /** Files of the source in a batch. */
  readonly maxFiles: number;
  /** Commits of the source in a batch. */
  readonly maxVersions: number;
}

/** Endings of the tables that a step keeps beside its target. */
export const COMPANIONS = { quarantine: '__quarantine', tombstones: '__tombstones' } as const;
