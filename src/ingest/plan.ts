import type { Action, AddFile, Metadata, Protocol, RemoveFile } from '../delta/actions.ts';
import { isDeltaError } from '../delta/errors.ts';
import { hasTypeWidening, isAppendOnly, upgradeProtocol } from '../delta/features.ts';
import { newTableActions } from '../delta/new-table.ts';
import type { PartitionType } from '../delta/partition.ts';
import { encodePath } from '../delta/path.ts';
import { formatPath, type StructType, serializeSchema } from '../delta/schema.ts';
import { mergeSchema, type SchemaChange } from '../delta/schema-merge.ts';
import type { Snapshot } from '../delta/snapshot.ts';
import { type FileStatistics, fileNullability, statsJson } from '../delta/stats.ts';
import type { Decision } from '../delta/transaction.ts';
import { fileColumns, type UnsupportedColumn } from '../parquet/schema.ts';
import { fileStatistics } from '../parquet/statistics.ts';
import type { Candidate, LandedObject } from './candidate.ts';
import type { TableRule, TableSettings } from './config.ts';
import { type ObjectVersion, versionTags } from './object-version.ts';
import { partitionColumnsOf, partitionColumnsOfPath, partitionValuesOf } from './partitioning.ts';
import type { RejectedFile, Rejection } from './quarantine.ts';

/** Property of a table that was created to take the files that were there before it; see `adopt.ts`. */
export const ADOPT_PROPERTY = 'resaca.adoptExisting';

/** A deleted object, and the active file of its path if there is one. */
export interface Removal {
  readonly path: string;
  readonly sequencer?: string;
  /** ms since the epoch. */
  readonly time: number;
  readonly active?: AddFile;
}

export interface PlanInput {
  /** The table as it is; undefined when it is to be created. */
  readonly head: Snapshot | undefined;
  readonly settings: TableSettings;
  readonly rule?: TableRule;
  readonly candidates: readonly Candidate[];
  readonly removals: readonly Removal[];
  /** The version whose commit handled this version of the object, or a newer one, already. */
  readonly handledIn: (path: string, version: ObjectVersion) => number | undefined;
  /** Whether the log is known to have an add of the path, of whatever version of the object. */
  readonly wasAdded: (path: string) => boolean;
  /** ms since the epoch. */
  readonly now: number;
  /** UUID for a new table. */
  readonly newTableId: string;
}

export type SkipReason =
  /** The log has this version of the object, or a newer one. */
  | 'duplicate'
  /** The object was deleted before its event was handled. */
  | 'gone'
  /** A deleted object whose file is not active: never added, removed by someone, or vacuumed. */
  | 'inactive'
  /** Delete events are turned off for the table. */
  | 'deletes-ignored';

export interface PlannedAdd {
  readonly object: LandedObject;
  readonly add: AddFile;
  readonly rows: number;
  /** The object replaces one that the log has: its add takes the place of the older one. */
  readonly overwrites: boolean;
}

export interface Plan {
  /** Empty when there is nothing to commit. Without `commitInfo`. */
  readonly actions: readonly Action[];
  readonly added: readonly PlannedAdd[];
  readonly removed: readonly RemoveFile[];
  readonly skipped: readonly { readonly path: string; readonly reason: SkipReason; readonly version?: number }[];
  readonly rejected: readonly RejectedFile[];
  readonly schemaChanges: readonly SchemaChange[];
}

type FileCandidate = Extract<Candidate, { kind: 'file' }>;
type PartitionValues = Readonly<Record<string, string | null>>;

interface FittingFile {
  readonly statistics: FileStatistics;
  readonly partitionValues: PartitionValues;
}

/**
 * Decides what a batch of landed and deleted objects means for one table. Pure: everything read is in the input, and
 * a lost race calls it again with the new head.
 */
export function planTable(input: PlanInput): Plan {
  const skipped: Plan['skipped'][number][] = [];
  const rejected: RejectedFile[] = [];
  const accepted: { object: LandedObject; file: FittingFile }[] = [];
  const shape = new TableShape(input);

  for (const candidate of [...input.candidates].sort(byPath)) {
    const { object } = candidate;
    const version = input.handledIn(object.path, object);
    if (version !== undefined) {
      skipped.push({ path: object.path, reason: 'duplicate', version });
    } else if (candidate.kind === 'gone') {
      skipped.push({ path: object.path, reason: 'gone' });
    } else if (candidate.kind === 'unreadable') {
      rejected.push({ object, rejection: { reason: candidate.code, detail: candidate.detail } });
    } else {
      const fit = shape.fit(candidate);
      if (fit.kind === 'rejected') rejected.push({ object, rejection: fit.rejection });
      else accepted.push({ object, file: fit.file });
    }
  }

  const removed: RemoveFile[] = [];
  for (const removal of input.removals) {
    const verdict = planRemoval(input, removal);
    if (verdict.kind === 'remove') removed.push(verdict.remove);
    else if (verdict.kind === 'skip') skipped.push({ path: removal.path, reason: verdict.reason });
    else rejected.push({ object: removal, rejection: verdict.rejection });
  }

  const added = accepted.map(({ object, file }) => ({
    object,
    add: shape.addFile(object, file),
    rows: file.statistics.numRecords,
    overwrites: input.wasAdded(object.path),
  }));
  const changes = added.length === 0 ? [] : shape.tableActions();
  const actions = [...changes, ...removed.map((remove) => ({ remove })), ...added.map(({ add }) => ({ add }))];
  return { actions, added, removed, skipped, rejected, schemaChanges: added.length === 0 ? [] : shape.changes };
}

/** The commit of a plan, as the table's history is to show it. */
export function toDecision({ actions, added, removed }: Plan): Decision {
  const onlyRemoves = added.length === 0;
  return {
    kind: 'commit',
    actions,
    operation: onlyRemoves ? 'DELETE' : 'WRITE',
    operationParameters: onlyRemoves ? { predicate: '[]' } : { mode: 'Append', partitionBy: '[]' },
    operationMetrics: {
      numFiles: added.length,
      numOutputRows: added.reduce((sum, { rows }) => sum + rows, 0),
      numOutputBytes: added.reduce((sum, { add }) => sum + add.size, 0),
      ...(removed.length > 0 && { numRemovedFiles: removed.length }),
    },
    isBlindAppend: removed.length === 0,
  };
}

type Fit =
  | { readonly kind: 'fits'; readonly file: FittingFile }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

/** The schema and partitioning that the files of the batch are fitted to, one after the other. */
class TableShape {
  private readonly input: PlanInput;
  private schema: StructType | undefined;
  private partitionColumns: readonly PartitionType[] | undefined;
  readonly changes: SchemaChange[] = [];

  constructor(input: PlanInput) {
    const { head, rule } = input;
    this.input = input;
    this.schema = head?.schema;
    this.partitionColumns =
      head === undefined ? rule?.partitionColumns : partitionColumnsOf(head.schema, head.metadata.partitionColumns);
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
      return reject('SCHEMA_CONFLICT', merged.conflicts.map(({ reason }) => reason).join('; '), merged.conflicts);
    }
    const target = merged.kind === 'evolved' ? merged.schema : schema;
    const statistics = fileStatistics(footer);
    const rejection = checkNulls(statistics, target, partitions.values) ?? this.checkNewTable(target, partitionNames);
    if (rejection !== undefined) return { kind: 'rejected', rejection };

    if (merged.kind === 'evolved') this.changes.push(...merged.changes);
    this.schema = target;
    this.partitionColumns = columns;
    return { kind: 'fits', file: { statistics, partitionValues: partitions.values } };
  }

  /** The add of a file that fits, with statistics for the final schema. */
  addFile(object: LandedObject, { statistics, partitionValues }: FittingFile): AddFile {
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
        configuration: this.input.head?.metadata.configuration ?? this.newConfiguration(),
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

/** The schema of a table that a file creates: its own columns in order, then the partition columns, as Spark does. */
function newTableSchema(file: StructType, partitionColumns: readonly PartitionType[]): StructType {
  const partitionNames = new Set(partitionColumns.map(({ name }) => name.toLowerCase()));
  const data = file.fields.filter(({ name }) => !partitionNames.has(name.toLowerCase()));
  const partitions = partitionColumns.map(({ name, type }) => ({ name, type, nullable: true, metadata: {} }));
  return { type: 'struct', fields: [...data, ...partitions] };
}

type RemovalVerdict =
  | { readonly kind: 'remove'; readonly remove: RemoveFile }
  | { readonly kind: 'skip'; readonly reason: SkipReason }
  | { readonly kind: 'reject'; readonly rejection: Rejection };

function planRemoval({ head, settings, now }: PlanInput, removal: Removal): RemovalVerdict {
  if (settings.deletes === 'ignore') return { kind: 'skip', reason: 'deletes-ignored' };
  if (head === undefined || removal.active === undefined) return { kind: 'skip', reason: 'inactive' };
  if (isAppendOnly(head.protocol, head.metadata)) {
    const detail =
      'the object was deleted, and the table is append-only (delta.appendOnly): its rows cannot be removed';
    return { kind: 'reject', rejection: { reason: 'DELETE_FORBIDDEN', detail } };
  }
  const { path, partitionValues, size, deletionVector, baseRowId, defaultRowCommitVersion } = removal.active;
  const tags = versionTags({ ...(removal.sequencer !== undefined && { sequencer: removal.sequencer }) });
  const remove: RemoveFile = {
    path,
    deletionTimestamp: now,
    dataChange: true,
    extendedFileMetadata: true,
    partitionValues,
    size,
    ...(Object.keys(tags).length > 0 && { tags }),
    ...(deletionVector !== undefined && { deletionVector }),
    ...(baseRowId !== undefined && { baseRowId }),
    ...(defaultRowCommitVersion !== undefined && { defaultRowCommitVersion }),
  };
  return { kind: 'remove', remove };
}

function byPath(a: Candidate, b: Candidate): number {
  return a.object.path < b.object.path ? -1 : a.object.path > b.object.path ? 1 : 0;
}
