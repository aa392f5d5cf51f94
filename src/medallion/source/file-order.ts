import { crc32 } from 'node:zlib';
import type { AddFile } from '../../delta/actions.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { partitionColumnsOf } from '../../delta/partition.ts';
import { canonicalPath, fileId } from '../../delta/path.ts';
import { activeFiles, type Snapshot } from '../../delta/snapshot.ts';

/**
 * The active files of a version in an order that is the same whenever it is asked for, however the log is read: by partition, and in a
 * partition by a hash of their paths. Eight bytes are held for a file, and the partitions.
 */
export interface FileOrder {
  /** Files in all. */
  readonly count: number;
  /** The files from place `start` to before `end`; reads the list of files. */
  slice(start: number, end: number): Promise<readonly AddFile[]>;
}

/** Values of the hash. A partition's rank stands before it in a number that is exact. */
const HASHES = 2 ** 32;
const MAX_PARTITIONS = 2 ** 21;

/** Reads the list of the files once. `hash` is of their ids, a whole number below 2^32. */
export async function orderFiles(
  snapshot: Snapshot,
  reader: CheckpointReader,
  hash: (id: string) => number = crc32,
): Promise<FileOrder> {
  const partitionOf = partitionKeys(snapshot);
  const ranks = new Map<string, number>();
  let places = new Float64Array(1024);
  let count = 0;
  for await (const adds of activeFiles(snapshot, reader)) {
    for (const add of adds) {
      const key = partitionOf(add);
      const rank = ranks.get(key) ?? ranks.size;
      if (rank === ranks.size) ranks.set(key, rank);
      if (count === places.length) {
        const more = new Float64Array(2 * places.length);
        more.set(places);
        places = more;
      }
      places[count++] = rank * HASHES + hash(idOf(snapshot, add));
    }
  }
  if (ranks.size > MAX_PARTITIONS) throw new RangeError(`${snapshot.table.url} has ${ranks.size} partitions`);
  const sorted = rankPartitions(places.subarray(0, count), ranks).sort();
  return {
    count,
    slice: (start, end) =>
      takeSlice({ snapshot, reader, sorted, ranks, partitionOf, hash }, start, Math.min(end, count)),
  };
}

/** Gives the partitions their ranks in the order of their keys, in place of that in which they were seen. */
function rankPartitions(places: Float64Array, ranks: Map<string, number>): Float64Array {
  const final = new Float64Array(ranks.size);
  for (const [rank, key] of [...ranks.keys()].sort().entries()) {
    final[ranks.get(key) ?? 0] = rank;
    ranks.set(key, rank);
  }
  return places.map((place) => (final[Math.floor(place / HASHES)] ?? 0) * HASHES + (place % HASHES));
}

interface OrderState {
  readonly snapshot: Snapshot;
  readonly reader: CheckpointReader;
  readonly sorted: Float64Array;
  readonly ranks: ReadonlyMap<string, number>;
  readonly partitionOf: (add: AddFile) => string;
  readonly hash: (id: string) => number;
}

async function takeSlice(state: OrderState, start: number, end: number): Promise<readonly AddFile[]> {
  const { snapshot, reader, sorted, ranks, partitionOf, hash } = state;
  if (start >= end) return [];
  const [low = 0, high = 0] = [sorted[start], sorted[end - 1]];
  const found: { readonly place: number; readonly id: string; readonly add: AddFile }[] = [];
  for await (const adds of activeFiles(snapshot, reader)) {
    for (const add of adds) {
      const place = (ranks.get(partitionOf(add)) ?? 0) * HASHES + hash(idOf(snapshot, add));
      if (place >= low && place <= high) found.push({ place, id: idOf(snapshot, add), add });
    }
  }
  found.sort((a, b) => a.place - b.place || (a.id < b.id ? -1 : 1));
  // Files of one hash may be on both sides of the border.
  const skipped = start - sorted.indexOf(low);
  return found.slice(skipped, skipped + end - start).map(({ add }) => add);
}

function idOf({ table }: Snapshot, { path, deletionVector }: AddFile): string {
  return fileId(canonicalPath(table, path), deletionVector);
}

function partitionKeys({ schema, metadata }: Snapshot): (add: AddFile) => string {
  const names = partitionColumnsOf(schema, metadata.partitionColumns).map(({ name }) => name);
  return ({ partitionValues }) => JSON.stringify(names.map((name) => partitionValues[name] ?? null));
}
