import { createReadStream, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Action, AddFile } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { parseType } from '../../src/delta/ddl.ts';
import { commitKey, logKey, versionName } from '../../src/delta/log-path.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { startDeltaRs } from '../../test/support/interop/engines.ts';

/** The log of a table in a local folder: its checkpoint, the commit of that version and the hint. */
export interface TableSource {
  /** Active files. */
  readonly files: number;
  readonly version: number;
  readonly checkpointBytes: number;
  /** Writes a copy of the log. */
  copyTo(table: TableRef): Promise<void>;
  /** Writes the hint only. */
  copyHintTo(table: TableRef): Promise<void>;
  remove(): void;
}

/** Adds of one commit of the past. */
const ADDS_A_COMMIT = 50_000;
/** Adds of the last commit before the checkpoint, and of those behind it. */
export const ADDS_OF_AN_APPEND = 10;

/** The columns of the files that land, see `webRequests`, and the partition column. */
const COLUMNS = {
  request_id: 'string',
  requested_at: 'timestamp',
  method: 'string',
  path: 'string',
  status: 'integer',
  bytes_sent: 'long',
  duration_ms: 'double',
  cached: 'boolean',
  client: 'struct<ip: string, country: string>',
  tags: 'array<string>',
  user_agent: 'string',
  ds: 'string',
};

/**
 * Makes the log of a table with this many files: commits written here, the checkpoint by delta-rs. The commits before the
 * checkpoint are left out, as after a cleanup of the log. Throws `UnavailableError` without Python.
 */
export async function makeTableSource(files: number): Promise<TableSource> {
  const folder = mkdtempSync(join(tmpdir(), 'resaca-bench-table-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const root = 'table';
  const table: TableRef = { store: createFolderStore(folder), root, url: root };
  mkdirSync(join(folder, root));
  const last = await writeCommits(table, files);
  const deltaRs = await startDeltaRs();
  await deltaRs.call('checkpoint', { table: join(folder, root) });
  const checkpoint = logKey(table, `${versionName(last)}.checkpoint.parquet`);
  const hint = logKey(table, '_last_checkpoint');
  const copy = async (key: string, target: TableRef): Promise<void> => {
    const pieces = createReadStream(join(folder, key), { highWaterMark: 2 ** 20 });
    await target.store.putStream(logKey(target, key.slice(logKey(table, '').length)), pieces);
  };
  return {
    files,
    version: last,
    checkpointBytes: statSync(join(folder, checkpoint)).size,
    async copyTo(target) {
      for (const key of [checkpoint, commitKey(table, last), hint]) await copy(key, target);
    },
    copyHintTo: (target) => copy(hint, target),
    remove,
  };
}

/** Returns the last version, whose commit is a small one. */
async function writeCommits(table: TableRef, files: number): Promise<number> {
  const fields = Object.entries(COLUMNS).map(([name, type]) => {
    return { name, type: parseType(type), nullable: true, metadata: {} };
  });
  const creation = newTableActions({
    schema: { type: 'struct', fields },
    partitionColumns: ['ds'],
    configuration: {},
    id: crypto.randomUUID(),
    createdTime: 0,
  });
  await table.store.put(commitKey(table, 0), serializeCommit([info(), ...creation]));
  const many = Math.max(files - ADDS_OF_AN_APPEND, 0);
  let version = 0;
  for (let start = 0; start < many; start += ADDS_A_COMMIT) {
    version += 1;
    const count = Math.min(ADDS_A_COMMIT, many - start);
    await table.store.put(commitKey(table, version), serializeCommit([info(), ...pastAdds(start, count)]));
  }
  version += 1;
  await table.store.put(commitKey(table, version), serializeCommit([info(), ...pastAdds(many, files - many)]));
  return version;
}

/** Commits of other writers, of as many files as one invocation appends. */
export async function putCommits(table: TableRef, after: number, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const adds = pastAdds(-ADDS_OF_AN_APPEND * (index + 1), ADDS_OF_AN_APPEND);
    await table.store.put(commitKey(table, after + 1 + index), serializeCommit([info(), ...adds]));
  }
}

function info(): Action {
  return { commitInfo: { timestamp: 0, operation: 'WRITE', txnId: crypto.randomUUID() } };
}

function pastAdds(start: number, count: number): { readonly add: AddFile }[] {
  return Array.from({ length: count }, (_, index) => ({ add: pastAdd(start + index) }));
}

/** A file as delta-rs names it. With these statistics a checkpoint has about 260 bytes a file. */
function pastAdd(index: number): AddFile {
  const ds = `2026-${String((Math.abs(index) % 10) + 1).padStart(2, '0')}-23`;
  const stats = {
    numRecords: 1_000,
    minValues: { requested_at: timestamp(index) },
    maxValues: { requested_at: timestamp(index + 1) },
    nullCount: { requested_at: 0 },
  };
  return {
    path: `ds=${ds}/part-00000-${crypto.randomUUID()}-c000.zstd.parquet`,
    partitionValues: { ds },
    size: 1_000_000 + index,
    modificationTime: 1_764_000_000_000,
    dataChange: true,
    stats: JSON.stringify(stats),
  };
}

/** A minute for each file. */
function timestamp(index: number): string {
  return new Date(1_700_000_000_000 + index * 60_000 + Math.abs(index % 997)).toISOString();
}
