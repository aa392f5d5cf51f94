import type { DeletionVector } from '../delta/actions.ts';
import type { ColumnPath, StructType } from '../delta/schema.ts';
import type { TableRef } from '../delta/table.ts';

/** Rows of a data file, as a relation has them. */
export interface RelationFile {
  readonly table: TableRef;
  /** Key relative to the table's root, decoded. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly rows: RowSelection;
  /** Values of the columns that the relation has beside the table's. */
  readonly constants: Readonly<Record<string, string | number>>;
}

export type RowSelection =
  /** All but those of the deletion vector. */
  | { readonly kind: 'all'; readonly deletionVector?: DeletionVector }
  /** Those that `after` deletes and `before` does not, which are deletes, and the other way round, which are inserts. */
  | { readonly kind: 'difference'; readonly before?: DeletionVector; readonly after?: DeletionVector }
  /** A file of recorded changes: the rows say themselves what they are, in `_change_type`. */
  | { readonly kind: 'recorded' };

/**
 * Rows under a name. Its columns are those of `schema`, in this order and of these types whatever the files have (a column
 * that a file lacks is null), and behind them `extras`.
 */
export interface Relation {
  readonly name: string;
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  /**
   * - `_change_type`: a text, from the constant of that name; of a difference and of recorded changes from the rows.
   * - others: from the files' constants, `long` for numbers and `string` for texts.
   */
  readonly extras: readonly { readonly name: string; readonly type: 'string' | 'long' }[];
  readonly files: readonly RelationFile[];
}

/** A named query over relations and the statements before it. */
export interface Statement {
  readonly name: string;
  readonly sql: string;
  /** For Spark, where its dialect differs. */
  readonly sparkSql?: string;
  /** Computed once, because several others read it. Otherwise a view. */
  readonly materialized: boolean;
}

/** A table of the rows that a module's function makes of those of a query. Not for Spark. */
export interface FunctionStatement {
  readonly name: string;
  /** The rows that the function gets: columns by their names, values as `RowValue` says. */
  readonly sql: string;
  /** Absolute path or URL of a module that exports `transform` (see `TransformFunction`). */
  readonly module: string;
  /** Columns of what it returns. */
  readonly schema: StructType;
  /** What it is told beside the rows. */
  readonly context: Readonly<Record<string, unknown>>;
}

/** Rows that become data files. */
export interface Output {
  readonly name: string;
  /** Its columns are those of `schema` in its order, cast to its types; a value that does not fit fails the run. */
  readonly sql: string;
  /** For Spark, where its dialect differs. */
  readonly sparkSql?: string;
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  /** Columns by which the rows of a file are sorted, so that statistics can skip. */
  readonly sortBy: readonly string[];
  /** The table that gets the files, under new random names in its root (or partition folders); nothing refers to them yet. */
  readonly table: TableRef;
  /** Folder under the table's root, such as `_change_data`. @default the root */
  readonly folder?: string;
  /** Bytes of a file, about. */
  readonly targetFileBytes: number;
  /** What of the table decides which statistics its files get. @default as without properties */
  readonly statistics?: {
    /** Table properties. */
    readonly configuration: Readonly<Record<string, string>>;
    /** Of the domain `delta.clustering`. @default none */
    readonly clusteringColumns?: readonly ColumnPath[];
    /** As in a table with deletion vectors. @default false */
    readonly tightBounds?: boolean;
  };
}

/** Few rows that the caller wants to see: counts, names of files. At most some ten thousand. */
export interface Result {
  readonly name: string;
  readonly sql: string;
  /** For Spark, where its dialect differs. */
  readonly sparkSql?: string;
}

/**
 * What an engine does in one go: relations, then statements in their order, then results, then outputs. The SQL is in what DuckDB
 * and Spark have in common (Spark in ANSI mode with double-quoted identifiers); names are quoted.
 */
export interface EnginePlan {
  readonly relations: readonly Relation[];
  readonly statements: readonly Statement[];
  readonly results: readonly Result[];
  readonly outputs: readonly Output[];
}

/** A part of what is done for a batch; parts that follow each other may use what the earlier ones made. */
export type Stage = Partial<EnginePlan>;

export interface WrittenFile {
  /** As an `add` has it: URI-encoded, relative to the table's root. */
  readonly path: string;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** Bytes. */
  readonly size: number;
  readonly rows: number;
  /** JSON text, as an `add` has it. */
  readonly stats: string;
  /** ms since the epoch. */
  readonly modificationTime: number;
}

export type ResultValue = string | number | bigint | boolean | null;

export interface EngineRun {
  /** By name. */
  readonly results: ReadonlyMap<string, readonly Readonly<Record<string, ResultValue>>[]>;
  /** By name. */
  readonly outputs: ReadonlyMap<string, readonly WrittenFile[]>;
}

export interface EngineSession {
  /** Columns of a query over the relations and statements so far, as a Delta schema. Throws EngineError `SQL` for a wrong query. */
  describe(sql: string): Promise<StructType>;
  addRelation(relation: Relation): Promise<void>;
  addStatement(statement: Statement): Promise<void>;
  /** Throws EngineError `FUNCTION` for a module that cannot be loaded or fails, and for rows that are none of its columns. */
  addFunction(statement: FunctionStatement): Promise<void>;
  query(result: Result): Promise<readonly Readonly<Record<string, ResultValue>>[]>;
  write(output: Output): Promise<readonly WrittenFile[]>;
  /** Results and outputs in one go, where that is cheaper than one after the other. */
  stage?(stage: Pick<Stage, 'results' | 'outputs'>): Promise<EngineRun>;
  /** Each question takes minutes, however small it is, and nothing is too large to be read. @default false */
  readonly isRemote?: boolean;
  /** Frees memory and the files on the disk. */
  close(): Promise<void>;
}
