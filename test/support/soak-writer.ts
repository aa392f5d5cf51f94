/**
 * Appends small files to a table, a commit each, until there are enough: `node soak-writer.ts FOLDER WRITER COMMITS`. A row's
 * id says which writer wrote it, and when. Prints `done`.
 */
import { randomUUID } from 'node:crypto';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import { tableKey } from '../../src/delta/table.ts';
import { commit } from '../../src/delta/transaction.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { IDS_OF_A_WRITER, ROWS_A_COMMIT, SOAK_FILE_SCHEMA } from './soak-table.ts';

const [folder = '', writer = '0', commits = '0'] = process.argv.slice(2);
const table = { store: createFolderStore(folder), root: '', url: folder };
const reader = createCheckpointReader();
let head = await loadSnapshot(table, reader);
for (let turn = 0; turn < Number(commits); turn++) {
  const rows = new RowWriter(SOAK_FILE_SCHEMA);
  for (let row = 0; row < ROWS_A_COMMIT; row++) {
    rows.append([Number(writer) * IDS_OF_A_WRITER + turn * ROWS_A_COMMIT + row, `row ${row}`]);
  }
  const body = await rows.finish();
  const p = `${turn % 3}`;
  const path = `p=${p}/part-${randomUUID()}.parquet`;
  await table.store.put(tableKey(table, path), body);
  const add = { path, partitionValues: { p }, size: body.length, modificationTime: Date.now(), dataChange: true };
  const decide = () => ({
    kind: 'commit' as const,
    actions: [{ add }],
    operation: 'WRITE',
    operationParameters: {},
    isBlindAppend: true,
  });
  const result = await commit(head, table, reader, decide, { deadline: Date.now() + 120_000 });
  if (result.kind !== 'committed') throw new Error('nothing was committed');
  head = result.snapshot;
}
process.stdout.write('done\n');
