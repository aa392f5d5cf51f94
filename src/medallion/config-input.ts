import type { QualityCheck, StepLimits, StepRule } from './rule.ts';

/** A table, as a user writes it: a prefix alone is in the bucket in which files land. */
export type TableInput = string | TableAddress;

export interface TableAddress {
  /** `landing`, `kafka`, or the name of a bucket. @default 'landing' */
  readonly bucket?: string;
  /** Key prefix of the table's root. */
  readonly prefix: string;
}

/** A table that a step reads. */
export type SourceInput = string | ((TableAddress | StepReference) & { readonly name?: string });

/** The table that another step makes. */
export interface StepReference {
  /** Name of the step. */
  readonly step: string;
}

/** A step, as a user writes it: docs/medallion.md. */
export interface StepInput {
  /** @default the prefix of the target, with `-` for other characters than letters, digits, `_` */
  readonly name?: string;
  readonly target: TableInput;
  /** Read by its changes. Its name in the SQL is the last segment of its prefix, if it has none of its own. */
  readonly source: SourceInput;
  /** Read as they are. @default none */
  readonly lookups?: readonly SourceInput[];
  /** A SELECT of the source and the lookups by their names. */
  readonly sql?: string;
  /** File with it, relative to the configuration file. */
  readonly sqlFile?: string;
  /** The same for Spark, where its dialect differs. */
  readonly sparkSql?: string;
  readonly sparkSqlFile?: string;
  /** In the place of SQL: a module that exports `transform`, relative to the configuration file. */
  readonly function?: string;
  /** Columns that it returns, as DDL: `id BIGINT, name STRING`. */
  readonly columns?: string;
  /** @default 'append' */
  readonly mode?: StepRule['mode']['kind'];
  /** Of merge and aggregate. */
  readonly keys?: readonly string[];
  /** Of merge. */
  readonly orderBy?: string;
  /** Of merge. */
  readonly deleteWhen?: string;
  /** Of merge. @default 'apply' */
  readonly deletes?: 'apply' | 'ignore';
  /** Of merge: hours that a deleted key is remembered, 0-8784. @default 0 */
  readonly lateness?: number;
  /** Of aggregate. @default {} */
  readonly combine?: Readonly<Record<string, 'sum' | 'min' | 'max'>>;
  /** Of aggregate. */
  readonly rowCount?: string;
  /** Of replace-partitions and aggregate: partition columns, or keys, that rows have from the source as they are there. */
  readonly unchanged?: readonly string[];
  readonly partitionBy?: readonly string[];
  readonly properties?: Readonly<Record<string, string>>;
  /** @default 'evolve' */
  readonly schema?: StepRule['schema'];
  /** @default 'fail' */
  readonly changes?: StepRule['changes'];
  /** @default 'beginning' */
  readonly start?: StepRule['start'];
  readonly quality?: readonly QualityInput[];
  readonly limits?: Partial<StepLimits>;
  /** @default 'auto' */
  readonly engine?: StepRule['engine'];
}

/** A rule for the rows of a transform. Which settings belong to which check: `QualityCheck`. */
export interface QualityInput {
  readonly check: QualityCheck['kind'];
  /** @default the check and its columns, such as `not-null_id` */
  readonly name?: string;
  /** @default 'warn' */
  readonly action?: 'warn' | 'quarantine' | 'fail';
  readonly column?: string;
  readonly columns?: readonly string[];
  /** A number, or SQL. */
  readonly min?: number | string;
  readonly max?: number | string;
  readonly values?: readonly string[];
  /** Name of a lookup. */
  readonly lookup?: string;
  readonly lookupColumns?: readonly string[];
  readonly sql?: string;
}

export interface MedallionConfigInput {
  readonly steps: readonly StepInput[];
}
