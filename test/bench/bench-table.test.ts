import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BenchTable } from '../../bench/append/bench-table.ts';
import type { TableSource } from '../../bench/append/table-source.ts';
import { commitKey, logKey, versionName } from '../../src/delta/log-path.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';

const VERSION = 7;
const BODY = Buffer.from('{}');

/** A log of one commit, where a real one has a checkpoint, too. */
const SOURCE: TableSource = {
  files: 1,
  version: VERSION,
  checkpointBytes: 1,
  copyTo: (table) => table.store.put(commitKey(table, VERSION), BODY),
  copyHintTo: (table) => table.store.put(logKey(table, '_last_checkpoint'), BODY),
  remove: () => undefined,
};

async function createTable() {
  const store = createMemoryStore();
  const table = new BenchTable({ store, name: 'bucket' }, 'root', SOURCE);
  await table.write();
  const ref: TableRef = { store, root: 'root', url: 'root' };
  const commit = (version: number) => store.put(commitKey(ref, version), BODY);
  return { store, table, ref, commit };
}

describe('a table of the benchmark', () => {
  it('takes exactly one commit an append', async () => {
    const { table, commit } = await createTable();
    await assert.rejects(table.expectCommit('ours'), /ours made no commit to s3:\/\/bucket\/root, expected version 8/);
    await table.reset(0);
    await commit(VERSION + 1);
    await table.expectCommit('ours');
    await commit(VERSION + 2);
    await commit(VERSION + 3);
    await assert.rejects(table.expectCommit('ours'), /more than one commit .*expected version 9/);
  });

  it('goes back to its checkpoint, with commits behind it', async () => {
    const { store, table, ref, commit } = await createTable();
    for (const version of [8, 9, 10, 11]) await commit(version);
    await store.put(logKey(ref, `${versionName(10)}.checkpoint.parquet`), BODY);
    await table.reset(2);
    const keys: string[] = [];
    for await (const { key } of store.list(logKey(ref, ''))) keys.push(key.slice(logKey(ref, '').length));
    assert.deepEqual(keys, [...[7, 8, 9].map((version) => `${versionName(version)}.json`), '_last_checkpoint']);
    await commit(10);
    await table.expectCommit('ours');
  });

  it('has ten files land under new keys each time', async () => {
    const { store, table } = await createTable();
    const keys = new Set<string>();
    for (const event of [await table.land(), await table.land()]) {
      assert.equal(event.Records.length, 10);
      for (const { body } of event.Records) {
        const { key, size, eTag } = JSON.parse(body).Records[0].s3.object;
        const head = await store.head(decodeURIComponent(key));
        assert.deepEqual([head?.size, head?.etag], [size, eTag]);
        keys.add(key);
      }
    }
    assert.equal(keys.size, 20);
  });
});
