import type { AddFile } from '../../delta/actions.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { isDeltaError } from '../../delta/errors.ts';
import { canonicalPath } from '../../delta/path.ts';
import { activeFiles, findActive, loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { MaintenanceEngine } from '../engine.ts';
import { type ListedFile, listFiles } from '../stray-files.ts';
import { pathsOf } from '../vacuum/file-paths.ts';
import { PathSet } from '../vacuum/path-set.ts';
import { type FileSum, type VacuumResult, vacuumTable } from '../vacuum/vacuum.ts';

/** What the store has of a table's files. */
export interface FileCheck {
  /** `list`: every file; `sample`: some that were chosen by chance. */
  readonly by: 'list' | 'sample';
  readonly checked: number;
  /** Active files that are not there, or have another size than the log says. */
  readonly missing: number;
  readonly wrongSize: number;
  /** The first of each, by path. */
  readonly missingSample: readonly string[];
  readonly wrongSizeSample: readonly string[];
  /** Active files outside the root that this store cannot see. */
  readonly unchecked: number;
  /** What a vacuum would delete and what it would leave; not for a sample, nor for a table that cannot be vacuumed. */
  readonly removed?: FileSum;
  readonly orphans?: FileSum;
  readonly keptOrphans?: FileSum;
}

const SAMPLE = 100;
const HEADS = 32;
/** Files that a listing does not show which are asked for one by one. */
const MAX_CONFIRMED = 10_000;

/** Chooses `size` files by chance from any number of them. */
export class FileSample {
  readonly files: AddFile[] = [];
  private seen = 0;
  private readonly size: number;
  private readonly random: () => number;

  constructor(size: number, random: () => number) {
    this.size = size;
    this.random = random;
  }

  offer(file: AddFile): void {
    this.seen += 1;
    if (this.files.length < this.size) this.files.push(file);
    else {
      const place = Math.floor(this.random() * this.seen);
      if (place < this.size) this.files[place] = file;
    }
  }
}

/** Asks for each of these files. */
export async function checkSample(snapshot: Snapshot, files: readonly AddFile[]): Promise<FileCheck> {
  const found = await headAll(snapshot.table, files);
  return { by: 'sample', checked: files.length - found.unchecked, ...found };
}

/** The active files with their sizes, to be met in a listing. */
export class ExpectedFiles {
  readonly paths = new PathSet({ marked: true });
  private readonly table: TableRef;

  constructor(table: TableRef) {
    this.table = table;
  }

  add(file: AddFile): void {
    const [path = '', ...others] = pathsOf(this.table, file);
    this.paths.add(path, sizeMark(file.size));
    for (const other of others) if (!this.paths.has(other)) this.paths.add(other, ANY_SIZE);
  }

  meet({ path, size }: ListedFile): void {
    const mark = this.paths.markOf(path);
    if (mark === sizeMark(size) || mark === ANY_SIZE) this.paths.mark(path, MET);
  }

  /** Whether a listing showed the file and its deletion vector, with the size that was expected. */
  hasMet(file: AddFile): boolean {
    const marks = [...pathsOf(this.table, file)].map((path) => this.paths.markOf(path));
    if (file.deletionVector === undefined || file.deletionVector.storageType === 'i') return marks.includes(MET);
    return marks.filter((mark) => mark === MET).length > 1;
  }
}

const MET = 0xffffffff;
const ANY_SIZE = 0xfffffffe;

function sizeMark(size: number): number {
  return size % ANY_SIZE;
}

/**
 * Compares the active files with a LIST of all that is below the root. What the listing does not show as the log has it is
 * asked for by its key, and looked up in the log again, before it is called missing.
 */
export async function checkByListing(
  engine: MaintenanceEngine,
  snapshot: Snapshot,
  expected: ExpectedFiles,
): Promise<FileCheck> {
  const { table } = snapshot;
  async function* listing() {
    for await (const file of listFiles(table)) {
      expected.meet(file);
      yield file;
    }
  }
  const vacuum = await dryVacuum(engine, table, listing());
  const suspects: AddFile[] = [];
  let checked = 0;
  let unconfirmed = 0;
  for await (const batch of activeFiles(snapshot, engine.reader)) {
    for (const file of batch) {
      checked += 1;
      if (expected.hasMet(file)) continue;
      if (suspects.length < MAX_CONFIRMED) suspects.push(file);
      else unconfirmed += 1;
    }
  }
  const found = await headAll(table, await stillActive(table, engine.reader, suspects));
  return {
    by: 'list',
    checked: checked - found.unchecked,
    ...found,
    missing: found.missing + unconfirmed,
    ...(vacuum && { removed: vacuum.removed, orphans: vacuum.orphans, keptOrphans: vacuum.keptOrphans }),
  };
}

/** Goes through the listing in any case. */
async function dryVacuum(
  engine: MaintenanceEngine,
  table: TableRef,
  listing: AsyncIterable<ListedFile>,
): Promise<VacuumResult | undefined> {
  try {
    return await vacuumTable(engine, table, { dryRun: true, listing });
  } catch (error) {
    if (!isDeltaError(error, 'UNSUPPORTED_WRITER')) throw error;
    // Refused before the first file was listed.
    for await (const _ of listing);
    return undefined;
  }
}

async function stillActive(
  table: TableRef,
  reader: CheckpointReader,
  files: readonly AddFile[],
): Promise<readonly AddFile[]> {
  if (files.length === 0) return files;
  const paths = new Set(files.map(({ path }) => canonicalPath(table, path)));
  return [...(await findActive(await loadSnapshot(table, reader), reader, paths)).values()];
}

type Found = Pick<FileCheck, 'missing' | 'wrongSize' | 'missingSample' | 'wrongSizeSample' | 'unchecked'>;

async function headAll(table: TableRef, files: readonly AddFile[]): Promise<Found> {
  const missing: string[] = [];
  const wrongSize: string[] = [];
  let unchecked = 0;
  await mapConcurrently(files, HEADS, async (file) => {
    const outcome = await headFile(table, file);
    const path = canonicalPath(table, file.path);
    if (outcome === 'missing') missing.push(path);
    if (outcome === 'wrongSize') wrongSize.push(path);
    if (outcome === 'unchecked') unchecked += 1;
  });
  return {
    missing: missing.length,
    wrongSize: wrongSize.length,
    missingSample: missing.sort().slice(0, SAMPLE),
    wrongSizeSample: wrongSize.sort().slice(0, SAMPLE),
    unchecked,
  };
}

async function headFile(table: TableRef, file: AddFile): Promise<'there' | 'missing' | 'wrongSize' | 'unchecked'> {
  const { deletionVector, ...data } = file;
  const key = keyOf(table, canonicalPath(table, file.path));
  if (key === undefined) return 'unchecked';
  const info = await table.store.head(key);
  if (info === undefined) return 'missing';
  if (info.size !== file.size) return 'wrongSize';
  const without = new Set(pathsOf(table, data));
  const [vector] = [...pathsOf(table, file)].filter((path) => !without.has(path));
  const vectorKey = deletionVector === undefined || vector === undefined ? undefined : keyOf(table, vector);
  if (vectorKey === undefined) return 'there';
  return (await table.store.head(vectorKey)) === undefined ? 'missing' : 'there';
}

/** The key in the table's store; undefined for a file in another bucket, or outside a local folder. */
function keyOf(table: TableRef, path: string): string | undefined {
  if (!path.includes('://')) return tableKey(table, path);
  const bucket = /^s3:\/\/[^/]+\//.exec(table.url.replace(/^s3[an]:/, 's3:'))?.[0];
  return bucket !== undefined && path.startsWith(bucket) ? path.slice(bucket.length) : undefined;
}
