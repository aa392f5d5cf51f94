import { randomUUID } from 'node:crypto';
import type { FileAction } from '../../delta/checkpoint.ts';
import { logKey, SIDECAR_DIR } from '../../delta/log-path.ts';
import type { TableRef } from '../../delta/table.ts';
import type { ActionColumn } from '../../parquet/checkpoint-schema.ts';
import { writeCheckpointRows } from '../../parquet/checkpoint-writer.ts';
import { layoutOf, SidecarCounter, type SidecarInfo, type TaggedSidecar, toTags } from './sidecar-info.ts';

/** Actions of a full sidecar, as Spark has it (`DELTA_CHECKPOINT_PART_SIZE` where V2 checkpoints are on). */
export const SIDECAR_ROWS = 50_000;

/** A sidecar that is there. */
export interface KnownSidecar {
  readonly sidecar: TaggedSidecar;
  /** Undefined for adds and removes of another writer's sidecar, which only says how many rows it has. */
  readonly info: SidecarInfo | undefined;
  readonly rows: number;
}

/** Writes file actions to as many sidecars as they fill, one after the other. None for no actions. */
export async function writeSidecars(
  table: TableRef,
  columns: readonly ActionColumn[],
  actions: AsyncIterable<readonly FileAction[]>,
  now: () => number,
): Promise<KnownSidecar[]> {
  const layout = layoutOf(columns);
  const parts = createParts(actions);
  const written: KnownSidecar[] = [];
  try {
    while (await parts.hasMore()) {
      const counter = new SidecarCounter(table);
      const { pieces, summary } = writeCheckpointRows(columns, parts.next(counter));
      const path = `${randomUUID()}.parquet`;
      const sizeInBytes = await table.store.putStream(logKey(table, `${SIDECAR_DIR}/${path}`), pieces);
      const info = counter.info(layout);
      written.push({
        sidecar: { path, sizeInBytes, modificationTime: now(), tags: toTags(info) },
        info,
        rows: summary().rows,
      });
    }
  } finally {
    await parts.stop();
  }
  return written;
}

/** Divides a stream of batches into streams of `SIDECAR_ROWS` actions. */
function createParts(actions: AsyncIterable<readonly FileAction[]>) {
  const iterator = actions[Symbol.asyncIterator]();
  let rest: readonly FileAction[] = [];

  async function hasMore(): Promise<boolean> {
    while (rest.length === 0) {
      const { value, done } = await iterator.next();
      if (done) return false;
      rest = value;
    }
    return true;
  }

  async function* next(counter: SidecarCounter): AsyncGenerator<readonly FileAction[], void, undefined> {
    for (let left = SIDECAR_ROWS; left > 0 && (await hasMore()); ) {
      const taken = rest.slice(0, left);
      rest = rest.slice(left);
      left -= taken.length;
      for (const action of taken) counter.count(action);
      yield taken;
    }
  }

  return { hasMore, next, stop: async () => void (await iterator.return?.()) };
}
