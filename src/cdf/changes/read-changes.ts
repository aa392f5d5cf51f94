import type { Commit } from '../../delta/commit-file.ts';
import { parseSchema } from '../../delta/schema.ts';
import type { Snapshot } from '../../delta/snapshot.ts';
import type { RowBatch } from '../../parquet/rewrite/batch.ts';
import { takeRows } from '../../parquet/rewrite/take-rows.ts';
import { CdfError } from '../errors.ts';
import type { ChangeLog } from './change-log.ts';
import { assertFits, type ChangeShape, shapeOf } from './change-schema.ts';
import { CHANGE_TYPES, type ChangeType, CODES } from './change-type.ts';
import { changesOf, mayHold } from './commit-changes.ts';
import { type FileBatch, readChangeFile, UNCHANGED } from './read-file.ts';

/** Rows of one version that changed, with the columns of the table. */
export interface ChangeBatch extends RowBatch {
  readonly version: number;
  /** Of the commit, ms since the epoch. */
  readonly timestamp: number;
  /** What happened to each row, as `CODES`. */
  readonly changes: Uint8Array;
}

export interface ReadOptions {
  /** Versions, both included. */
  readonly from: number;
  readonly until: number;
  /** As what rows are read; the schema of `until` as a rule. */
  readonly shape: ChangeShape;
  /** Of the table at `from`. @default `shape` */
  readonly initial?: ChangeShape;
  /** @default all */
  readonly changes?: ReadonlySet<ChangeType>;
  /** Whether files that were rewritten in a table without a feed count as deleted and inserted rows. @default false */
  readonly deriveRewrites?: boolean;
  /** Throws when the work is to end. @default never */
  readonly checkTime?: () => void;
}

/**
 * Streams the changes of some versions: by version, in a version what went before what came, in a file by row. The same
 * versions give the same rows in the same order, always. Throws CdfError, DeltaError, and the store's errors.
 */
export async function* readChanges(log: ChangeLog, options: ReadOptions): AsyncGenerator<ChangeBatch, void> {
  const { from, until, shape, changes = new Set(CHANGE_TYPES), checkTime = () => undefined } = options;
  const types = shape.schema.fields.map(({ type }) => type);
  let current = options.initial ?? shape;
  for await (const commit of log.commits(from, until)) {
    checkTime();
    const { version, timestamp } = commit;
    current = shapeAt(log.latest, commit) ?? current;
    if (current !== shape) assertFits(log.latest.table.url, shape, current);
    const found = changesOf(log.latest.table, commit.actions);
    if (found.derivedFromRewrite && !current.hasFeed && options.deriveRewrites !== true) {
      throw notRecorded(log.latest, version);
    }
    for (const file of found.files.filter((one) => mayHold(one, changes))) {
      for await (const batch of readChangeFile({ table: log.latest.table, version, shape, checkTime }, file)) {
        const kept = keep(batch, changes);
        if (kept === undefined) yield { ...batch, version, timestamp };
        else if (kept.length > 0) {
          const codes = Uint8Array.from(kept, (row) => batch.changes[row] ?? UNCHANGED);
          yield { ...takeRows(batch, types, kept), changes: codes, version, timestamp };
        }
      }
    }
  }
}

/** The shape that a commit gives the table; undefined where it leaves that as it is. */
export function shapeAt({ table, protocol }: Snapshot, { version, actions }: Commit): ChangeShape | undefined {
  const metadata = actions.findLast((action) => 'metaData' in action)?.metaData;
  if (metadata === undefined) return undefined;
  const own = actions.findLast((action) => 'protocol' in action)?.protocol ?? protocol;
  return shapeOf({ table, version, schema: parseSchema(metadata.schemaString), metadata, protocol: own });
}

/** Positions of the rows that are wanted; undefined when that is all. */
function keep({ changes, rowCount }: FileBatch, wanted: ReadonlySet<ChangeType>): Uint32Array | undefined {
  const codes = new Set<number>([...wanted].map((type) => CODES[type]));
  const kept = new Uint32Array(rowCount);
  let length = 0;
  for (let row = 0; row < rowCount; row++) if (codes.has(changes[row] ?? UNCHANGED)) kept[length++] = row;
  return length === rowCount ? undefined : kept.subarray(0, length);
}

function notRecorded({ table }: Snapshot, version: number): CdfError {
  return new CdfError(
    'NOT_RECORDED',
    `Version ${version} of ${table.url} rewrote files, and the table has no change data feed: which of the rows changed ` +
      'is not known. Set delta.enableChangeDataFeed for the versions to come, or take all rows of the old files as ' +
      'deleted and those of the new ones as inserted (rewrites: derive)',
    { table: table.url, version },
  );
}
