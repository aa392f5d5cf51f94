import { sidecarFile } from '../../delta/checkpoint-content.ts';
import { DeltaError } from '../../delta/errors.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import { openCheckpointFile } from '../../parquet/checkpoint-file.ts';
import type { ActionColumn, CheckpointLayout } from '../../parquet/checkpoint-schema.ts';
import type { MaintenanceEngine } from '../engine.ts';
import type { ChangedFiles } from './changed-files.ts';
import { hasLayout } from './file-layout.ts';
import { fromTags, layoutOf, type TaggedSidecar } from './sidecar-info.ts';
import { type KnownSidecar, SIDECAR_ROWS } from './write-sidecars.ts';

/** Which of the sidecars that a table has are named again, and which are written again. */
export interface SidecarChoice {
  readonly kept: readonly KnownSidecar[];
  readonly rewritten: readonly KnownSidecar[];
}

export interface ChooseOptions {
  readonly layout: CheckpointLayout;
  readonly columns: readonly ActionColumn[];
  readonly changed: ChangedFiles;
  /** New actions, which are to be written in any case. */
  readonly newRows: number;
  /** Time up to which tombstones are expired, ms since the epoch. */
  readonly cutoff: number;
}

/** Sidecars that are looked into at the same time; each holds some MiB. */
const CONCURRENT_LOOKS = 4;
/** Part of a sidecar's rows that are expired tombstones, from which on it is written again without them. */
const MAX_EXPIRED = 0.25;
/** A sidecar with fewer rows is put together with others, when there are so many of them. */
const SMALL_ROWS = SIDECAR_ROWS / 2;
const MAX_SMALL = 8;

/**
 * Chooses the sidecars that stay. Those that hold a changed file, other columns than the table asks for now, or mostly
 * what is expired do not. Small ones are put together with what is written anyway, the smaller ones first, so that
 * their number stays bounded, and each action is written again only as often as its sidecar doubles.
 *
 * Costs, for a sidecar of ours whose paths lie apart from the changed ones: one HEAD. For others: its footer, and its path
 * column. Throws `CORRUPT_LOG` for a sidecar that is gone.
 */
export async function chooseSidecars(
  engine: MaintenanceEngine,
  snapshot: Pick<Snapshot, 'table'>,
  sidecars: readonly TaggedSidecar[],
  options: ChooseOptions,
): Promise<SidecarChoice> {
  const looks = await mapConcurrently(sidecars, CONCURRENT_LOOKS, (sidecar) =>
    lookInto(engine, snapshot, sidecar, options),
  );
  const rewritten = looks.filter(({ stays }) => !stays).map(({ known }) => known);
  const staying = looks.filter(({ stays }) => stays).map(({ known }) => known);
  return mergeSmall({ kept: staying, rewritten }, options.newRows);
}

interface Look {
  readonly known: KnownSidecar;
  readonly stays: boolean;
}

async function lookInto(
  { reader }: MaintenanceEngine,
  { table }: Pick<Snapshot, 'table'>,
  sidecar: TaggedSidecar,
  { layout, columns, changed, cutoff }: ChooseOptions,
): Promise<Look> {
  const file = sidecarFile(table, sidecar);
  const info = fromTags(sidecar);
  if (info?.layout === layoutOf(columns)) {
    const known = { sidecar, info, rows: info.adds + info.removes };
    if (info.lastDeletion <= cutoff && info.removes > MAX_EXPIRED * known.rows) return { known, stays: false };
    if (changed.size === 0 || (info.paths !== undefined && !changed.mayTouch(info.paths))) {
      if ((await table.store.head(file.key)) !== undefined) return { known, stays: true };
      const message = `The sidecar "${file.key}" of ${table.url} is gone, though a checkpoint names it`;
      throw new DeltaError('CORRUPT_LOG', message, { table: table.url, key: file.key });
    }
    return { known, stays: !(await holdsChanged()) };
  }
  const { footer } = await openCheckpointFile(table.store, file);
  const known = { sidecar, info, rows: footer.rowCount };
  return { known, stays: hasLayout(footer, layout) && !(changed.size > 0 && (await holdsChanged())) };

  /** Reads the path column only. */
  async function holdsChanged(): Promise<boolean> {
    let found = false;
    const isChanged = (path: string): false => {
      found ||= changed.hasPath(path);
      return false;
    };
    await reader.findFiles(table, file, { has: isChanged }, { removes: true });
    return found;
  }
}

function mergeSmall({ kept, rewritten }: SidecarChoice, newRows: number): SidecarChoice {
  let pending = rewritten.reduce((sum, { rows }) => sum + rows, newRows);
  const small = kept.filter(({ rows }) => rows < SMALL_ROWS).sort((a, b) => a.rows - b.rows);
  const merged = new Set<KnownSidecar>();
  for (const [index, known] of small.entries()) {
    const left = small.length - index;
    if (pending === 0 || (known.rows > pending && left <= MAX_SMALL)) break;
    merged.add(known);
    pending += known.rows;
  }
  return { kept: kept.filter((known) => !merged.has(known)), rewritten: [...rewritten, ...merged] };
}
