import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { isDeltaError } from '../../src/delta/errors.ts';
import { assertWritable } from '../../src/delta/features.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { collect } from '../support/delta-log-builder.ts';
import { GOLDEN_TABLES, type GoldenTable } from './golden-catalogue.ts';

/** Tables of delta-io/delta, written by Spark and by hand; they are not part of this repository. */
const FOLDER = join(import.meta.dirname, '../../../shared/golden');
const reader = createCheckpointReader();

if (existsSync(FOLDER)) {
  describe('golden tables', () => {
    it('are all in the catalogue', () => {
      assert.deepEqual(findTables(), GOLDEN_TABLES.map(({ name }) => name).sort());
    });
    for (const golden of GOLDEN_TABLES) it(describeTable(golden), () => check(golden));
  });
} else {
  it('golden tables', { skip: `optional: the folder ${FOLDER} with the golden tables is not on this machine` });
}

async function check(golden: GoldenTable): Promise<void> {
  const table = openTable(golden.name);
  if ('error' in golden) {
    await assert.rejects(loadSnapshot(table, reader), (error) => {
      assert.ok(isDeltaError(error, golden.error), String(error));
      assert.match(error.message, golden.message);
      assert.equal(error.data.table, table.url);
      return true;
    });
    return;
  }

  const snapshot = await loadSnapshot(table, reader);
  const files = await collect(activeFiles(snapshot, reader, { stats: true }));
  const { minReaderVersion, minWriterVersion } = snapshot.protocol;
  assert.equal(snapshot.version, golden.version);
  assert.deepEqual([minReaderVersion, minWriterVersion], golden.protocol ?? [1, 2]);
  assert.deepEqual(snapshot.metadata.partitionColumns, golden.partitionedBy ?? []);
  if (golden.columns !== undefined)
    assert.deepEqual(
      snapshot.schema.fields.map(({ name }) => name),
      golden.columns,
    );
  assert.equal(snapshot.segment.checkpoint?.version, golden.checkpoint);
  assert.deepEqual(
    { files: files.length, bytes: sum(files.map(({ size }) => size)), rows: sum(files.map(rowsOf)) },
    { files: golden.files, bytes: golden.bytes, rows: golden.rows },
  );
  for (const { partitionValues } of files) {
    assert.equal(Object.keys(partitionValues).length, golden.partitionedBy?.length ?? 0);
  }
  if (golden.unwritable === undefined) assertWritable(snapshot);
  else assert.throws(() => assertWritable(snapshot), new RegExp(`${golden.unwritable} \\(`));
}

function describeTable(golden: GoldenTable): string {
  const note = golden.note === undefined ? '' : ` (${golden.note})`;
  if ('error' in golden) return `${golden.name}${note} is refused: ${golden.error}`;
  const writable = golden.unwritable === undefined ? '' : `, not to be written to: ${golden.unwritable}`;
  return `${golden.name}${note} has ${golden.files} files at version ${golden.version}${writable}`;
}

function openTable(name: string): TableRef {
  const url = join(FOLDER, name);
  return { store: createFolderStore(url), root: '', url };
}

/** The folders that hold a log at any depth, and the top folders that hold none. */
function findTables(): string[] {
  const tables = globSync(join(FOLDER, '**/_delta_log')).map((log) => relative(FOLDER, dirname(log)));
  const tops = readdirSync(FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const others = tops
    .map(({ name }) => name)
    .filter((name) => !tables.some((table) => `${table}/`.startsWith(`${name}/`)));
  return [...tables, ...others].sort();
}

function rowsOf({ stats }: { readonly stats?: string }): number {
  const { numRecords = 0 } = JSON.parse(stats ?? '{}') as { numRecords?: number };
  return numRecords;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0);
}
