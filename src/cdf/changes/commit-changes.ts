import type { Action, AddFile, CdcFile, DeletionVector, RemoveFile } from '../../delta/actions.ts';
import { canonicalPath } from '../../delta/path.ts';
import type { TableRef } from '../../delta/table.ts';
import type { ChangeType } from './change-type.ts';

/** A file in which the rows of a change are, and which of its rows those are. */
export type ChangeFile = {
  /** Key relative to the table's root, or an absolute URI of a file elsewhere. */
  readonly path: string;
  /** Undefined for a `remove` that does not say them. */
  readonly partitionValues: Readonly<Record<string, string | null>> | undefined;
  /** Bytes; undefined for a `remove` that does not say it. */
  readonly size: number | undefined;
} & (
  | /** Its rows say themselves what happened to them. */
  { readonly kind: 'recorded' }
  /** All rows but those of the deletion vector came, or went. */
  | { readonly kind: 'whole'; readonly change: 'insert' | 'delete'; readonly deletionVector?: DeletionVector }
  /** Rows that only `after` has went, rows that only `before` has came back. */
  | { readonly kind: 'vector'; readonly before?: DeletionVector; readonly after?: DeletionVector }
);

export interface CommitChanges {
  /** In the order in which they apply: what goes before what comes. */
  readonly files: readonly ChangeFile[];
  /** Whether they were derived from files that were rewritten, so that they hold rows that did not change. */
  readonly derivedFromRewrite: boolean;
}

/**
 * Where the changes of a commit are (PROTOCOL.md "Reader Requirements for Change Data Feed"): in its `cdc` files where
 * it has some, and in nothing else then; otherwise in the files that it adds and removes, unless they are without a change
 * of data. A file that is there before and after with another deletion vector lost rows, or got some back.
 */
export function changesOf(table: Pick<TableRef, 'url'>, actions: readonly Action[]): CommitChanges {
  const recorded = actions.flatMap((action) => ('cdc' in action ? [action.cdc] : []));
  if (recorded.length > 0) {
    return { files: recorded.map((file) => fromCdc(table, file)), derivedFromRewrite: false };
  }
  const adds = actions.flatMap((action) => ('add' in action && action.add.dataChange ? [action.add] : []));
  const removes = actions.flatMap((action) => ('remove' in action && action.remove.dataChange ? [action.remove] : []));
  const added = new Map(adds.map((add) => [canonicalPath(table, add.path), add]));
  const deletes: ChangeFile[] = [];
  const vectors: ChangeFile[] = [];
  for (const remove of removes) {
    const path = canonicalPath(table, remove.path);
    const add = added.get(path);
    if (add === undefined) deletes.push(whole(path, remove, 'delete'));
    else {
      added.delete(path);
      vectors.push(vectorChange(path, add, remove));
    }
  }
  const inserts = [...added].map(([path, add]) => whole(path, add, 'insert'));
  return { files: [...deletes, ...vectors, ...inserts], derivedFromRewrite: deletes.length > 0 && inserts.length > 0 };
}

/** Bytes of the files of a commit's changes, about. */
export function bytesOf({ files }: CommitChanges): number {
  return files.reduce((sum, { size = 0 }) => sum + size, 0);
}

/** Whether rows of a file can be of a change type, as far as it is known without reading it. */
export function mayHold(file: ChangeFile, wanted: ReadonlySet<ChangeType>): boolean {
  if (file.kind === 'recorded') return true;
  if (file.kind === 'whole') return wanted.has(file.change);
  return wanted.has('insert') || wanted.has('delete');
}

function fromCdc(table: Pick<TableRef, 'url'>, { path, partitionValues, size }: CdcFile): ChangeFile {
  return { kind: 'recorded', path: canonicalPath(table, path), partitionValues, size };
}

function whole(path: string, file: AddFile | RemoveFile, change: 'insert' | 'delete'): ChangeFile {
  const { partitionValues, size, deletionVector } = file;
  return { kind: 'whole', path, partitionValues, size, change, ...(deletionVector && { deletionVector }) };
}

function vectorChange(path: string, add: AddFile, remove: RemoveFile): ChangeFile {
  return {
    kind: 'vector',
    path,
    partitionValues: add.partitionValues,
    size: add.size,
    ...(remove.deletionVector && { before: remove.deletionVector }),
    ...(add.deletionVector && { after: add.deletionVector }),
  };
}
