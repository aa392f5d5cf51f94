import type { Action, AddFile, Metadata, Protocol } from '../delta/actions.ts';
import { isDeltaError } from '../delta/errors.ts';
import {
  clusteringColumns,
  columnsWithDefault,
  hasTypeWidening,
  supportsFeature,
  upgradeProtocol,
} from '../delta/features.ts';
import { newTableActions } from '../delta/new-table.ts';
import { type PartitionType, partitionColumnsOf } from '../delta/partition.ts';
import { encodePath } from '../delta/path.ts';
import { type ColumnPath, formatPath, type StructType, serializeSchema } from '../delta/schema.ts';
import { mergeSchema, type SchemaChange } from '../delta/schema-merge.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import { type FileStatistics, fileNullability, statsJson } from '../delta/stats.ts';
import { fileColumns, type UnsupportedColumn } from '../parquet/schema.ts';
import { fileStatistics } from '../parquet/statistics.ts';
import type { Candidate, LandedObject } from './candidate.ts';
import type { TableRule, TableSettings } from './config.ts';
import { versionTags } from './object-version.ts';
import { partitionColumnsOfPath, partitionValuesOf } from './partitioning.ts';
import type { Rejection } from './quarantine.ts';

/** Property of a table that was created to take the files that were there before it; see `adopt.ts`. */
export const ADOPT_PROPERTY = 'resaca.adoptExisting';

export interface ShapeInput {
  /** The table as it is; undefined when it is to be created. */
  readonly head: Snapshot | undefined;
  readonly settings: TableSettings;
  readonly rule?: TableRule;
  /** ms since the epoch. */
  readonly now: number;
  /** UUID for a new table. */
  readonly newTableId: string;
}

type FileCandidate = Extract<Candidate, { kind: 'file' }>;
type PartitionValues = Readonly<Record<string, string | null>>;

export interface FittingFile {
  readonly statistics: FileStatistics;
  readonly partitionValues: PartitionValues;
}

export type Fit =
  | { readonly kind: 'fits'; readonly file: FittingFile }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

/** The schema and partitioning that the files of the batch are fitted to, one after the other. */
export class TableShape {
  private readonly input: ShapeInput;
  private schema: StructType | undefined;
  private partitionColumns: readonly PartitionType[] | undefined;
  private readonly clusteringColumns: readonly ColumnPath[];
  readonly changes: SchemaChange[] = [];

  constructor(input: ShapeInput) {
    const { head, rule } = input;
    this.clusteringColumns = head === undefined ? [] : clusteringColumns(head.domains);
    this.input = input;
    this.schema = head?.schema;
    this.partitionColumns =
      head === undefined ? rule?.partitionColumns : partitionColumnsOf(head.schema, head.metadata.partitionColumns);
  }

  /** Columns of data files as the shape is now: all but the partition columns. */
  get dataColumns(): StructType {
    const inPath = new Set(this.partitionNames().map((name) => name.toLowerCase()));
    const fields = this.knownSchema().fields.filter(({ name }) => !inPath.has(name.toLowerCase()));
    return { type: 'struct', fields };
  }

  /** As the shape is now, in their order. */
  get partitions(): readonly PartitionType[] {
    return this.partitionColumns ?? [];
  }

  /** Takes the file into the shape, or says why it does not fit; then the shape stays as it was. */
  fit({ object, footer }: FileCandidate): Fit {
    const columns = this.partitionColumns ?? partitionColumnsOfPath(object.path);
    const partitionNames = columns.map(({ name }) => name);
    const partitions = partitionValuesOf(object.path, columns);
    if (partitions.kind === 'rejected') return reject(partitions.reason, partitions.detail);

    const policy = this.schema === undefined ? 'evolve' : this.input.settings.schemaPolicy;
    const file = fileColumns(footer, this.schema === undefined ? {} : { table: this.schema });
    const unsupported = file.unsupported.filter(
      (column) => column.breaksFile || this.takes(column.column, partitionNames, policy),
    );
    if (unsupported.length > 0) return reject('UNSUPPORTED_TYPE', unsupported.map(describeUnsupported).join('; '));

    const schema = this.schema ?? newTableSchema(file.schema, columns);
    const typeWidening = this.canWiden();
    const merged = mergeSchema(schema, file.schema, { policy, partitionColumns: partitionNames, typeWidening });
    if (merged.kind === 'conflict') {
      const { conflicts } = merged;
      const lacksColumns = conflicts.every(({ code }) => code === 'MISSING_REQUIRED_COLUMN');
      const reason = lacksColumns ? 'MISSING_REQUIRED_COLUMN' : 'SCHEMA_CONFLICT';
      return reject(reason, conflicts.map((conflict) => conflict.reason).join('; '), conflicts);
    }
    const target = merged.kind === 'evolved' ? merged.schema : schema;
    const statistics = fileStatistics(footer);
    const rejection =
      checkNulls(statistics, target, partitions.values) ??
      this.checkDefaults(file.schema) ??
      checkClustering(statistics, this.clusteringColumns) ??
      this.checkNewTable(target, partitionNames);
    if (rejection !== undefined) return { kind: 'rejected', rejection };

    if (merged.kind === 'evolved') this.changes.push(...merged.changes);
    this.schema = target;
    this.partitionColumns = columns;
    return { kind: 'fits', file: { statistics, partitionValues: partitions.values } };
  }

  /** The add of a file that fits, with statistics for the final schema. */
  addFile(object: LandedObject, { statistics, partitionValues }: FittingFile): AddFile {
    const { head } = this.input;
    const tags = versionTags(object);
    return {
      path: encodePath(object.path),
      partitionValues,
      size: object.size,
      modificationTime: object.time,
      dataChange: true,
      stats: statsJson(statistics, {
        schema: this.knownSchema(),
        partitionColumns: this.partitionNames(),
        configuration: head?.metadata.configuration ?? this.newConfiguration(),
        clusteringColumns: this.clusteringColumns,
        tightBounds: head !== undefined && supportsFeature(head.protocol, 'deletionVectors'),
      }),
      ...(Object.keys(tags).length > 0 && { tags }),
    };
  }

  /** `protocol` and `metaData`, where the batch creates or changes the table. */
  tableActions(): Action[] {
    const { head } = this.input;
    if (head === undefined) return this.creation(this.knownSchema(), this.partitionNames());
    if (this.changes.length === 0) return [];
    const schema = this.knownSchema();
    const protocol: Protocol = upgradeProtocol({ protocol: head.protocol, schema });
    const metaData: Metadata = { ...head.metadata, schemaString: serializeSchema(schema) };
    return [...(protocol === head.protocol ? [] : [{ protocol }]), { metaData }];
  }

  private creation(schema: StructType, partitionColumns: readonly string[]): Action[] {
    const { rule, newTableId, now } = this.input;
    return newTableActions({
      schema,
      partitionColumns,
      configuration: this.newConfiguration(),
      id: newTableId,
      createdTime: now,
      ...(rule?.description !== undefined && { description: rule.description }),
      ...(rule !== undefined && { columnComments: rule.columnComments }),
    });
  }

  /** A first file from which no table can be made is at fault itself; the next one may do. */
  private checkNewTable(schema: StructType, partitionColumns: readonly string[]): Rejection | undefined {
    if (this.input.head !== undefined || this.schema !== undefined) return undefined;
    try {
      this.creation(schema, partitionColumns);
      return undefined;
    } catch (error) {
      if (!isDeltaError(error, 'INVALID_SCHEMA')) throw error;
      return { reason: 'SCHEMA_CONFLICT', detail: error.message };
    }
  }

  /** A column with a default must be in the file: its values cannot be made up here. */
  private checkDefaults(file: StructType): Rejection | undefined {
    const { head } = this.input;
    if (head === undefined) return undefined;
    const missing = columnsWithDefault(head.protocol, head.schema).find(
      (column) => !this.partitionNames().includes(column) && !file.fields.some(({ name }) => name === column),
    );
    if (missing === undefined) return undefined;
    return {
      reason: 'MISSING_REQUIRED_COLUMN',
      detail: `the column "${missing}" has a default value and is not in the file`,
    };
  }

  /** Whether a column of a file would be declared or read: not if its values come from the path, or if it is ignored. */
  private takes(column: string, partitionNames: readonly string[], policy: TableSettings['schemaPolicy']): boolean {
    if (partitionNames.includes(column)) return false;
    return policy !== 'fixed' || this.knownSchema().fields.some(({ name }) => name === column);
  }

  private canWiden(): boolean {
    const { head } = this.input;
    return head !== undefined && hasTypeWidening(head.protocol, head.metadata);
  }

  private newConfiguration(): Readonly<Record<string, string>> {
    const { properties, adoptExisting } = this.input.settings;
    return adoptExisting ? { ...properties, [ADOPT_PROPERTY]: 'true' } : properties;
  }

  private knownSchema(): StructType {
    return this.schema ?? { type: 'struct', fields: [] };
  }

  private partitionNames(): string[] {
    return (this.partitionColumns ?? []).map(({ name }) => name);
  }
}

function reject(reason: string, detail: string, schemaDifference?: unknown): Fit {
  return {
    kind: 'rejected',
    rejection: { reason, detail, ...(schemaDifference !== undefined && { schemaDifference }) },
  };
}

function describeUnsupported({ path, type, reason }: UnsupportedColumn): string {
  return `the column ${formatPath(path)} (${type}): ${reason}`;
}

/** NOT NULL columns must hold no null: what cannot be told from the footer counts as null. */
function checkNulls(file: FileStatistics, schema: StructType, partitionValues: PartitionValues): Rejection | undefined {
  const partitionColumns = Object.keys(partitionValues);
  const nullPartition = schema.fields.find(({ name, nullable }) => !nullable && partitionValues[name] === null);
  if (nullPartition !== undefined) {
    const detail = `the partition column "${nullPartition.name}" is NOT NULL and the path gives null`;
    return { reason: 'NULL_IN_NOT_NULL', detail };
  }
  const column = fileNullability(file, { schema, partitionColumns }).find(({ nulls }) => nulls !== 'none');
  if (column === undefined) return undefined;
  const found = column.nulls === 'some' ? 'has nulls' : 'may have nulls: its footer has no null count for it';
  return { reason: 'NULL_IN_NOT_NULL', detail: `the column "${column.column}" is NOT NULL and the file ${found}` };
}

/** Files of a clustered table must have statistics of its clustering columns. */
function checkClustering(file: FileStatistics, columns: readonly ColumnPath[]): Rejection | undefined {
  const missing = columns.find((path) => {
    const { bounds, nullCount } = file.column(path);
    if (file.numRecords === 0 || nullCount === file.numRecords) return false;
    return nullCount === undefined || bounds.kind === 'none' || bounds.min === undefined || bounds.max === undefined;
  });
  if (missing === undefined) return undefined;
  const detail = `the table is clustered by "${formatPath(missing)}" and the file has no statistics for it`;
  return { reason: 'MISSING_STATISTICS', detail };
}

/** The schema of a table that a file creates: its own columns in order, then the partition columns, as Spark does. */
function newTableSchema(file: StructType, partitionColumns: readonly PartitionType[]): StructType {
  const partitionNames = new Set(partitionColumns.map(({ name }) => name.toLowerCase()));
  const data = file.fields.filter(({ name }) => !partitionNames.has(name.toLowerCase()));
  const partitions = partitionColumns.map(({ name, type }) => ({ name, type, nullable: true, metadata: {} }));
  return { type: 'struct', fields: [...data, ...partitions] };
}
