import { randomUUID } from 'node:crypto';
import type { FileAction } from '../../delta/checkpoint.ts';
import { readControl, sidecarFile } from '../../delta/checkpoint-content.ts';
import { logKey, versionName } from '../../delta/log-path.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import { type CheckpointLayout, fileActionColumns } from '../../parquet/checkpoint-schema.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { ChangedFiles } from './changed-files.ts';
import { chooseSidecars } from './choose-sidecars.ts';
import { type LiveFilesOptions, newFiles, oldFiles, survivors } from './live-files.ts';
import { liveTxns } from './settings.ts';
import type { TaggedSidecar } from './sidecar-info.ts';
import { type KnownSidecar, writeSidecars } from './write-sidecars.ts';
import type { WrittenCheckpoint } from './written.ts';

export interface V2Options extends LiveFilesOptions {
  /** Time up to which tombstones are expired, ms since the epoch. */
  readonly cutoff: number;
}

/**
 * Writes a checkpoint with sidecars: new ones for what changed since the last checkpoint, and the names of those that hold
 * nothing of it (PROTOCOL.md "V2 Spec"). The top level, JSON as in Spark, comes last: before it, nobody sees any of them.
 */
export async function writeV2(
  engine: MaintenanceEngine,
  snapshot: Snapshot,
  layout: CheckpointLayout,
  options: V2Options,
): Promise<WrittenCheckpoint> {
  const { table, version } = snapshot;
  const columns = fileActionColumns(layout);
  const base = await baseSidecars(engine, snapshot);
  let kept: readonly KnownSidecar[] = [];
  async function* rows(): AsyncGenerator<readonly FileAction[], void, undefined> {
    const changed = new ChangedFiles(table);
    let newRows = 0;
    for await (const batch of newFiles(snapshot, changed, options)) {
      newRows += batch.length;
      yield batch;
    }
    if (base.length === 0) {
      yield* oldFiles(snapshot, engine.reader, changed, options);
      return;
    }
    const choice = await chooseSidecars(engine, snapshot, base, { ...options, layout, columns, changed, newRows });
    kept = choice.kept;
    for (const { sidecar } of choice.rewritten) {
      const read = { stats: options.stats, removes: true };
      yield* survivors(engine.reader.readFiles(table, sidecarFile(table, sidecar), read), changed, options);
    }
  }
  const written = await writeSidecars(table, columns, rows(), engine.now);
  const sidecars = [...kept, ...written];

  const key = logKey(table, `${versionName(version)}.checkpoint.${randomUUID()}.json`);
  const top = topLevel(snapshot, sidecars, engine.now());
  const topBytes = await table.store.putStream(key, inPieces(top));
  const modificationTime = (await table.store.head(key))?.modified ?? engine.now();
  const bytes = sizeOf(sidecars) + topBytes;
  const size = top.length + rowsOf(sidecars);
  const adds = addsOf(sidecars);
  return {
    key,
    kind: 'v2',
    hint: {
      version,
      size,
      sizeInBytes: bytes,
      ...(adds === undefined ? {} : { numOfAddFiles: adds }),
      v2Checkpoint: { path: key.slice(key.lastIndexOf('/') + 1), sizeInBytes: topBytes, modificationTime },
    },
    rows: size,
    adds,
    bytes,
    bytesWritten: sizeOf(written) + topBytes,
    sidecars: { reused: kept.length, written: written.length },
  };
}

/** The sidecars of the checkpoint on which the snapshot stands; none where its file actions are elsewhere. */
async function baseSidecars(
  { reader }: MaintenanceEngine,
  { table, segment }: Snapshot,
): Promise<readonly TaggedSidecar[]> {
  if (segment.checkpoint === undefined) return [];
  return (await readControl(table, segment.checkpoint, reader)).sidecars;
}

function topLevel(snapshot: Snapshot, sidecars: readonly KnownSidecar[], now: number): object[] {
  const { version, protocol, metadata, domains } = snapshot;
  const adds = addsOf(sidecars);
  const tags = {
    sidecarNumActions: String(rowsOf(sidecars)),
    sidecarSizeInBytes: String(sizeOf(sidecars)),
    ...(adds === undefined ? {} : { numOfAddFiles: String(adds) }),
  };
  return [
    { checkpointMetadata: { version, tags } },
    { protocol },
    { metaData: metadata },
    ...liveTxns(snapshot, now).map((txn) => ({ txn })),
    ...[...domains.values()].map((domainMetadata) => ({ domainMetadata })),
    ...sidecars.map(({ sidecar }) => ({ sidecar })),
  ];
}

/** Lines of a piece. */
const PIECE_LINES = 10_000;

async function* inPieces(actions: readonly object[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (let from = 0; from < actions.length; from += PIECE_LINES) {
    const lines = actions.slice(from, from + PIECE_LINES).map((action) => `${JSON.stringify(action)}\n`);
    yield Buffer.from(lines.join(''));
  }
}

function rowsOf(sidecars: readonly KnownSidecar[]): number {
  return sidecars.reduce((sum, { rows }) => sum + rows, 0);
}

function sizeOf(sidecars: readonly KnownSidecar[]): number {
  return sidecars.reduce((sum, { sidecar }) => sum + sidecar.sizeInBytes, 0);
}

function addsOf(sidecars: readonly KnownSidecar[]): number | undefined {
  let adds = 0;
  for (const { info } of sidecars) {
    if (info === undefined) return undefined;
    adds += info.adds;
  }
  return adds;
}
