import type { Action, AddFile, RemoveFile } from '../delta/actions.ts';
import { isAppendOnly } from '../delta/features.ts';
import type { SchemaChange } from '../delta/schema-merge.ts';
import type { Decision } from '../delta/transaction.ts';
import type { Candidate, LandedObject } from './candidate.ts';
import { type ObjectVersion, versionTags } from './object-version.ts';
import type { RejectedFile, Rejection } from './quarantine.ts';
import { type FittingFile, type ShapeInput, TableShape } from './table-shape.ts';

/** A deleted object, and the active file of its path if there is one. */
export interface Removal {
  readonly path: string;
  readonly sequencer?: string;
  /** ms since the epoch. */
  readonly time: number;
  readonly active?: AddFile;
}

export interface PlanInput extends ShapeInput {
  readonly candidates: readonly Candidate[];
  readonly removals: readonly Removal[];
  /** The version whose commit handled this version of the object, or a newer one, already. */
  readonly handledIn: (path: string, version: ObjectVersion) => number | undefined;
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
