/** Appends commits to a table of `make-table.ts`: `node append.ts FOLDER COMMITS FILES`, FILES in each commit. */
import { randomUUID } from 'node:crypto';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';

const [folder = '', commits = '0', files = '0'] = process.argv.slice(2);
const table = { store: createFolderStore(folder), root: '', url: folder };
const { version } = await loadSnapshot(table, createCheckpointReader());
const time = Date.now();
const day = new Date(time).toISOString().slice(0, 10);
for (let index = 1; index <= Number(commits); index++) {
  const adds = Array.from({ length: Number(files) }, () => ({
    add: {
      path: `day=${day}/part-00000-${randomUUID()}.c000.snappy.parquet`,
      partitionValues: { day },
      size: 100_000,
      modificationTime: time,
      dataChange: true,
      stats: `{"numRecords":1000,"minValues":{"id":1},"maxValues":{"id":1000},"nullCount":{"id":0}}`,
    },
  }));
  await table.store.put(commitKey(table, version + index), serializeCommit(adds));
}
