import type { Action, AddFile, RemoveFile } from '../delta/actions.ts';
import { isAppendOnly } from '../delta/features.ts';
import type { SchemaChange } from '../delta/schema-merge.ts';
import type { Decision } from '../delta/transaction.ts';
import type { Candidate, LandedObject } from './candidate.ts';
import { isOlder, versionOf, versionTags } from './object-version.ts';
import type { RejectedFile, Rejection } from './quarantine.ts';
import { type FittingFile, type ShapeInput, TableShape } from './table-shape.ts';

/** An object that is known to be gone. */
export interface DeletedObject {
  readonly path: string;
  readonly sequencer?: string;
  /** ms since the epoch. */
  readonly time: number;
}

export interface PlanInput extends ShapeInput {
  readonly candidates: readonly Candidate[];
  readonly deleted: readonly DeletedObject[];
  /** The active files of the deleted objects, and of objects whose new version is refused. */
  readonly active: ReadonlyMap<string, AddFile>;
  /** The version whose commit handled this version of the object, or a newer one, already. */
  readonly handledIn: (object: LandedObject) => number | undefined;
  /** Whether the log is known to have an add of the path, of whatever version of the object. */
  readonly wasAdded: (path: string) => boolean;
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
    const version = input.handledIn(object);
    if (candidate.kind === 'failed') {
    } else if (version !== undefined) {
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
  for (const { object } of rejected) {
    const replaced = planReplaced(input, object);
    if (replaced !== undefined) removed.push(replaced);
  }
  for (const object of input.deleted) {
    const verdict = planRemoval(input, object);
    if (verdict.kind === 'remove') removed.push(verdict.remove);
    else if (verdict.kind === 'skip') skipped.push({ path: object.path, reason: verdict.reason });
    else rejected.push({ object, rejection: verdict.rejection });
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

type RemovalVerdict =
  | { readonly kind: 'remove'; readonly remove: RemoveFile }
  | { readonly kind: 'skip'; readonly reason: SkipReason }
  | { readonly kind: 'reject'; readonly rejection: Rejection };

function planRemoval(input: PlanInput, object: DeletedObject): RemovalVerdict {
  const { head, settings, active } = input;
  if (settings.deletes === 'ignore') return { kind: 'skip', reason: 'deletes-ignored' };
  const file = active.get(object.path);
  if (head === undefined || file === undefined) return { kind: 'skip', reason: 'inactive' };
  // The object was written again after this deletion, and that was handled first.
  if (isOlder(object, versionOf(file))) return { kind: 'skip', reason: 'duplicate' };
  if (isAppendOnly(head.protocol, head.metadata)) {
    const detail =
      'the object was deleted, and the table is append-only (delta.appendOnly): its rows cannot be removed';
    return { kind: 'reject', rejection: { reason: 'DELETE_FORBIDDEN', detail } };
  }
  return { kind: 'remove', remove: removeOf(file, object, input.now) };
}

/** The rows of a file are gone when its object is overwritten, also where the new version cannot be taken. */
function planReplaced({ head, active, now }: PlanInput, object: DeletedObject): RemoveFile | undefined {
  const file = active.get(object.path);
  if (head === undefined || file === undefined || isAppendOnly(head.protocol, head.metadata)) return undefined;
  return isOlder(object, versionOf(file)) ? undefined : removeOf(file, object, now);
}

function removeOf(file: AddFile, object: DeletedObject, now: number): RemoveFile {
  const { path, partitionValues, size, deletionVector, baseRowId, defaultRowCommitVersion } = file;
  const tags = versionTags({ ...(object.sequencer !== undefined && { sequencer: object.sequencer }) });
  return {
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
}

function byPath(a: Candidate, b: Candidate): number {
  return a.object.path < b.object.path ? -1 : a.object.path > b.object.path ? 1 : 0;
}
