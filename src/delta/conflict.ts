import type { Action, AddFile, Metadata, Protocol } from './actions.ts';
import type { Commit } from './commit-file.ts';
import { DeltaError } from './errors.ts';
import { canonicalPath, type FileId, fileId } from './path.ts';
import { parseSchema } from './schema.ts';
import type { Snapshot } from './snapshot.ts';
import type { TableRef } from './table.ts';

/*
 * The conflict check between a lost race and the next attempt. PROTOCOL.md leaves its rules to the writer; these are
 * the ones of Delta's ConflictChecker, as they are for a writer that decides afresh, on the winners' state, each time.
 *
 * Repaired by deciding again, so not checked:
 * - protocol: each attempt checks that the newest one is supported.
 * - metaData: schema, partition columns and properties are taken from the newest one.
 * - adds and removes of other files: they do not touch what we commit.
 * - txn and domainMetadata: the new snapshot has the winner's, and the decision skips or goes on from there.
 * - the table was created meanwhile: the decision sees it, and adds to it.
 *
 * Refused with `CONFLICT`, because the decision did not take the winners in, or because no decision can repair it:
 * - another table lies at the place now (the id in the metadata is another);
 * - an add of the very version of a file that a winner added, be it active or not: its rows would come (back) twice;
 * - a remove of a file that a winner removed: what replaced it there would stay beside what replaces it here;
 * - a txn whose version is not above the winner's for that application: its data would be in twice;
 * - a metaData or protocol that was made from an older one and would undo what a winner set.
 */

/** What the winners of the lost races did to files and applications. */
export interface Winners {
  /** Every version of a file that was added. */
  readonly added: Set<string>;
  /** Files that were removed, and not added again later. */
  readonly removed: Set<FileId>;
  /** Newest version by application id. */
  readonly txns: Map<string, number>;
}

export function noWinners(): Winners {
  return { added: new Set(), removed: new Set(), txns: new Map() };
}

/** Takes in the next winning commit; they must come in the order of their versions. */
export function recordWinner(winners: Winners, table: TableRef, commit: Commit): void {
  // An update of a file stands in a commit as its remove and its add, in either order.
  for (const action of commit.actions) {
    if ('remove' in action) winners.removed.add(idOf(table, action.remove));
    else if ('txn' in action) winners.txns.set(action.txn.appId, action.txn.version);
  }
  for (const action of commit.actions) {
    if (!('add' in action)) continue;
    winners.added.add(addedVersion(table, action.add));
    winners.removed.delete(idOf(table, action.add));
  }
}

/** Checks the actions that were decided on after the winners; throws `CONFLICT`. */
export function assertNoConflict(winners: Winners, table: TableRef, actions: readonly Action[]): void {
  for (const action of actions) {
    if ('add' in action && winners.added.has(addedVersion(table, action.add))) {
      throw conflict(table, `another writer has added the file "${action.add.path}"`, { path: action.add.path });
    }
    if ('remove' in action && winners.removed.has(idOf(table, action.remove))) {
      throw conflict(table, `another writer has removed the file "${action.remove.path}"`, {
        path: action.remove.path,
      });
    }
    if ('txn' in action) {
      const { appId, version } = action.txn;
      const reached = winners.txns.get(appId);
      if (reached !== undefined && reached >= version) {
        throw conflict(table, `another writer has brought the application "${appId}" to ${reached}, we to ${version}`, {
          appId,
        });
      }
    }
  }
}

/** Checks that the table is still the one that the transaction began with; throws `CONFLICT`. */
export function assertSameTable(
  before: Pick<Snapshot, 'metadata'>,
  after: Pick<Snapshot, 'table' | 'version' | 'metadata'>,
): void {
  const { id } = before.metadata;
  if (after.metadata.id === id) return;
  throw conflict(after.table, `the table ${id} was replaced by the table ${after.metadata.id}`, {
    version: after.version,
  });
}

/** What a commit changes. */
type Base = Pick<Snapshot, 'table' | 'protocol' | 'metadata' | 'schema'>;

/** Checks that a changed metadata or protocol was made from those of `head`; throws `CONFLICT`. */
export function assertBuiltOn(head: Base, actions: readonly Action[]): void {
  for (const action of actions) {
    if ('metaData' in action) assertKeepsMetadata(head, action.metaData);
    else if ('protocol' in action) assertKeepsProtocol(head, action.protocol);
  }
}

function assertKeepsMetadata(head: Base, next: Metadata): void {
  if (next.id !== head.metadata.id) {
    throw conflict(head.table, `the new metadata has the id ${next.id}, the table has ${head.metadata.id}`);
  }
  const names = new Set(parseSchema(next.schemaString).fields.map(({ name }) => name));
  const lost = head.schema.fields.find(({ name }) => !names.has(name));
  if (lost !== undefined) throw conflict(head.table, `the new metadata lacks the column "${lost.name}"`);
}

function assertKeepsProtocol(head: Base, next: Protocol): void {
  const { protocol } = head;
  if (next.minReaderVersion < protocol.minReaderVersion || next.minWriterVersion < protocol.minWriterVersion) {
    throw conflict(head.table, 'the new protocol has a lower version than the table has');
  }
  const features = [...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])];
  const kept = new Set([...(next.readerFeatures ?? []), ...(next.writerFeatures ?? [])]);
  const lost = features.find((feature) => !kept.has(feature));
  if (lost !== undefined) throw conflict(head.table, `the new protocol lacks the feature ${lost}`);
}

function idOf(table: TableRef, file: Pick<AddFile, 'path' | 'deletionVector'>): FileId {
  return fileId(canonicalPath(table, file.path), file.deletionVector);
}

/** A file may be added again with other content; tags tell apart what size and time do not. */
function addedVersion(table: TableRef, add: AddFile): string {
  const tags = Object.entries(add.tags ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([idOf(table, add), add.size, add.modificationTime, tags]);
}

function conflict(table: TableRef, what: string, data: Readonly<Record<string, unknown>> = {}): DeltaError {
  return new DeltaError('CONFLICT', `Nothing was committed to ${table.url}: ${what}`, { table: table.url, ...data });
}
