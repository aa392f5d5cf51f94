import type { Action, AddFile, RemoveFile } from '../../delta/actions.ts';
import { canonicalPath } from '../../delta/path.ts';
import { findActive, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import { commit, type Decision } from '../../delta/transaction.ts';
import type { KafkaEngine } from '../engine.ts';
import { type DatedLetter, letterRows } from '../letter-rows.ts';
import { currentSnapshot, uploadFiles } from '../table-writer.ts';
import { replayName } from './append-absent.ts';
import { fitFiles } from './fit-files.ts';

export interface LetterRewrite {
  readonly table: TableRef;
  /** Files that are taken out. */
  readonly files: readonly AddFile[];
  /** The letters of the files that stay. */
  readonly letters: readonly DatedLetter[];
  readonly identity: string;
  /** ms since the epoch. */
  readonly deadline: number;
}

/**
 * Puts one file with the letters that stay in the place of the files, in one commit. `moved` when someone else took one
 * of the files out or hid rows of it meanwhile; then nothing is committed, and the letters have to be read again.
 * Throws the errors of `commit`, and the store's.
 */
export async function rewriteLetters(
  engine: KafkaEngine,
  head: Snapshot,
  rewrite: LetterRewrite,
): Promise<'committed' | 'moved'> {
  const { table, files, letters, identity, deadline } = rewrite;
  const fresh = await currentSnapshot(engine, table, head);
  if (fresh === undefined) return 'moved';
  const { target, files: rows } = letterRows(letters, engine.now());
  const added = await uploadFiles(engine, table, rows, replayName(identity));
  const paths = new Set(files.map((file) => canonicalPath(table, file.path)));
  const decide = async (current: Snapshot | undefined): Promise<Decision> => {
    if (current === undefined) return { kind: 'skip' };
    const active = await findActive(current, engine.reader, paths);
    const isSame = active.size === paths.size && [...active.values()].every((add) => add.deletionVector === undefined);
    if (!isSame) return { kind: 'skip' };
    const now = engine.now();
    return {
      kind: 'commit',
      actions: [...files.map((file) => removeOf(file, now)), ...fitFiles(table, target, current, added, now)],
      operation: 'WRITE',
      operationParameters: { mode: 'Overwrite', queryId: engine.config.application, replay: identity },
      operationMetrics: { numRemovedFiles: files.length, numAddedFiles: added.length, numOutputRows: letters.length },
      isBlindAppend: false,
    };
  };
  const { kind } = await commit(fresh, table, engine.reader, decide, {
    deadline,
    now: () => engine.now(),
    sleep: (ms) => engine.sleep(ms),
    random: () => engine.random(),
  });
  return kind === 'committed' ? 'committed' : 'moved';
}

function removeOf({ path, partitionValues, size, tags }: AddFile, now: number): Action {
  const remove: RemoveFile = {
    path,
    deletionTimestamp: now,
    dataChange: true,
    extendedFileMetadata: true,
    partitionValues,
    size,
    ...(tags !== undefined && { tags }),
  };
  return { remove };
}
