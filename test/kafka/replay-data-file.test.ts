import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openDataFile, readColumns, readRows } from '../../src/kafka/replay/data-file.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { createCountingStore } from '../support/counting-store.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/parquet');

async function prepare(name: string) {
  const store = createCountingStore(createMemoryStore());
  const body = readFileSync(join(FIXTURES, `${name}.parquet`));
  await store.put('t/x.parquet', body);
  const table = { store, root: 't', url: 's3://lake/t' };
  const add = { path: 'x.parquet', partitionValues: {}, size: body.length, modificationTime: 0, dataChange: true };
  return { store, table, add, body };
}

describe('a data file', () => {
  for (const name of ['spark', 'spark-int96', 'pyarrow', 'delta-rs', 'duckdb', 'polars']) {
    it(`gives times in µs, whatever ${name} wrote them as`, async () => {
      const { table, add } = await prepare(name);
      const file = await openDataFile(table, add);
      const rows = await readRows(table, add, file);
      assert.deepEqual(
        rows.slice(0, 2).map(({ ts }) => ts),
        [-1, 1_577_836_800_123_456],
      );
    });
  }

  it('is read with one request where it is small', async () => {
    const { store, table, add } = await prepare('spark');
    const file = await openDataFile(table, add);
    const range = { column: 'i64', min: 0, max: 10 };
    const groups = await Array.fromAsync(readColumns(table, add, file, { columns: ['i64', 's'], range }));
    assert.equal(groups[0]?.get('s')?.[1], 'b');
    assert.equal(store.counts.get, 1);
  });

  it('stays the same one through all reads', async () => {
    const { store, table, add, body } = await prepare('spark');
    const large = Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(200_000), body]);
    await store.put('t/x.parquet', large);
    const file = await openDataFile(table, { ...add, size: large.length });
    const other = Buffer.from(large);
    other[10] = 1;
    await store.put('t/x.parquet', other);
    await assert.rejects(async () => file.file.slice(0, 100), { code: 'PRECONDITION_FAILED' });
    await assert.rejects(openDataFile(table, add), { code: 'PRECONDITION_FAILED' });
  });

  it('that cannot be read is named', async () => {
    const { store, table, add, body } = await prepare('spark');
    await store.put('t/x.parquet', body.fill(0, body.length - 8));
    await assert.rejects(openDataFile(table, add), {
      code: 'UNREADABLE_FILE',
      message: /"x\.parquet" of s3:\/\/lake\/t/,
    });
    await assert.rejects(openDataFile(table, { ...add, path: 's3://other/x.parquet' }), { code: 'FOREIGN_FILE' });
    await assert.rejects(openDataFile(table, { ...add, path: 'gone.parquet' }), { code: 'NOT_FOUND' });
  });
});
