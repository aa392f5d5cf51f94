import type { CheckpointReader, FileAction } from '../../delta/checkpoint.ts';
import { readFiles } from '../../delta/checkpoint-content.ts';
import { getInOrder, type LogFileContext, parseActions } from '../../delta/commit-file.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { ChangedFiles } from './changed-files.ts';

/** Actions of a batch, as the reader of checkpoints has it: small ones are garbage soon. */
const BATCH_ACTIONS = 256;

export interface LiveFilesOptions {
  /** Also the statistics of what comes from a checkpoint. */
  readonly stats: boolean;
  /** Says of the newest action on a file whether it has its place in a checkpoint. */
  readonly isLive: (action: FileAction) => boolean;
}

/**
 * The newest action on each file that a table's commits since its checkpoint tell of, the newest commit first; `changed`
 * gets to know all of them (PROTOCOL.md "Action Reconciliation"). One commit is held at a time, as bytes.
 */
export async function* newFiles(
  { table, segment }: Pick<Snapshot, 'table' | 'segment'>,
  changed: ChangedFiles,
  { isLive }: LiveFilesOptions,
): AsyncGenerator<readonly FileAction[], void, undefined> {
  let batch: FileAction[] = [];
  for await (const { file, object } of getInOrder(table, [...segment.commits].reverse())) {
    for (const action of fileActionsBackwards(object.body, { table, version: file.version })) {
      if (!changed.add(action) || !isLive(action)) continue;
      batch.push(action);
      if (batch.length < BATCH_ACTIONS) continue;
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) yield batch;
}

/** The file actions of a table's checkpoint that are still the newest on their files. */
export async function* oldFiles(
  { table, protocol, segment }: Pick<Snapshot, 'table' | 'protocol' | 'segment'>,
  reader: CheckpointReader,
  changed: ChangedFiles,
  options: LiveFilesOptions,
): AsyncGenerator<readonly FileAction[], void, undefined> {
  const { checkpoint } = segment;
  if (checkpoint === undefined) return;
  const { stats } = options;
  yield* survivors(readFiles({ table, protocol, checkpoint }, reader, { stats, removes: true }), changed, options);
}

/** The actions that no newer one supersedes. */
export async function* survivors(
  batches: AsyncIterable<readonly FileAction[]>,
  changed: ChangedFiles,
  { isLive }: LiveFilesOptions,
): AsyncGenerator<readonly FileAction[], void, undefined> {
  for await (const batch of batches) {
    const kept = batch.filter((action) => isLive(action) && !changed.has(action));
    if (kept.length > 0) yield kept;
  }
}

/** From the last line of a commit to the first, each parsed when it is asked for: of two on one file the later holds. */
function* fileActionsBackwards(body: Uint8Array, context: LogFileContext): Generator<FileAction, void, undefined> {
  let end = body.length;
  while (end > 0) {
    const start = body.lastIndexOf(LINE_FEED, end - 1) + 1;
    const action = parseLine(body, start, end, context);
    if (action !== undefined) yield action;
    end = start - 1;
  }
}

const LINE_FEED = 0x0a;

function parseLine(body: Uint8Array, start: number, end: number, context: LogFileContext): FileAction | undefined {
  try {
    for (const action of parseActions(body.subarray(start, end), context)) {
      if ('add' in action || 'remove' in action) return action;
    }
    return undefined;
  } catch (error) {
    // From the start, for an error that names the line.
    for (const _ of parseActions(body, context));
    throw error;
  }
}
