import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AddFile, RemoveFile } from '../../src/delta/actions.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { actionColumns, type CheckpointLayout, type CheckpointRow } from '../../src/parquet/checkpoint-schema.ts';
import { type CheckpointWriteOptions, writeCheckpointRows } from '../../src/parquet/checkpoint-writer.ts';
import { isParquetError } from '../../src/parquet/errors.ts';
import { parseFooter } from '../../src/parquet/footer.ts';
import type { SchemaNode } from '../../src/parquet/schema-node.ts';
import { isCellError } from '../../src/parquet/write/cell.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';

const LEGACY: CheckpointLayout = { readerFeatures: false, writerFeatures: false, stats: true };
const FEATURES: CheckpointLayout = { ...LEGACY, readerFeatures: true, writerFeatures: true };
const reader = createCheckpointReader();

const FULL_ADD: AddFile = {
  path: 'p=1/a%20b.parquet',
  partitionValues: { p: '1', q: null },
  size: 2 ** 40 + 1,
  modificationTime: 1_700_000_000_001,
  dataChange: true,
  stats: '{"numRecords":3}',
  tags: { k: 'v', n: null },
  deletionVector: {
    storageType: 'u',
    pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
    offset: 4,
    sizeInBytes: 40,
    cardinality: 6,
  },
  baseRowId: 7,
  defaultRowCommitVersion: 8,
  clusteringProvider: 'liquid',
};
const FULL_REMOVE: RemoveFile = {
  path: 'gone.parquet',
  deletionTimestamp: 1_700_000_000_002,
  dataChange: true,
  extendedFileMetadata: true,
  partitionValues: { p: '2' },
  size: 5,
  deletionVector: {
    storageType: 'i',
    pathOrInlineDv: 'wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L',
    sizeInBytes: 40,
    cardinality: 6,
  },
  baseRowId: 9,
  defaultRowCommitVersion: 10,
};
const METADATA = {
  id: 'table-id',
  name: 'orders',
  description: 'of the shop',
  format: { provider: 'parquet', options: { o: 'p' } },
  schemaString: '{"type":"struct","fields":[]}',
  partitionColumns: ['p', 'q'],
  configuration: { 'delta.appendOnly': 'true' },
  createdTime: 1_700_000_000_003,
};

describe('writeCheckpointRows', () => {
  it('keeps every field of every action, and makes the data change of none', async () => {
    const table = await tableWith(actionColumns(FEATURES), [
      { add: FULL_ADD },
      { remove: FULL_REMOVE },
      { txn: { appId: 'app', version: 2 ** 45, lastUpdated: 11 } },
      { txn: { appId: 'no time', version: 0 } },
      { domainMetadata: { domain: 'd', configuration: '{}', removed: false } },
      { metaData: METADATA },
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: [], writerFeatures: ['appendOnly'] } },
    ]);
    const { remove, ...rest } = Object.assign({}, ...(await table.files()));
    assert.deepEqual(rest, { add: { ...FULL_ADD, dataChange: false } });
    assert.deepEqual(remove, { ...FULL_REMOVE, dataChange: false });
    assert.deepEqual(await table.control(), {
      protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: [], writerFeatures: ['appendOnly'] },
      metadata: METADATA,
      txns: [
        { appId: 'app', version: 2 ** 45, lastUpdated: 11 },
        { appId: 'no time', version: 0 },
      ],
      domains: [{ domain: 'd', configuration: '{}', removed: false }],
      sidecars: [],
    });
  });

  it('leaves statistics and tags out of tombstones', async () => {
    const remove: RemoveFile = { ...FULL_REMOVE, stats: '{}', tags: { a: 'b' } };
    const table = await tableWith(actionColumns(LEGACY), [{ remove }]);
    assert.deepEqual(await table.files(), [{ remove: { ...FULL_REMOVE, dataChange: false } }]);
    assert.ok(!table.columns.some((path) => /^remove\.(stats|tags)/.test(path)), table.columns.join());
  });

  it('names the parts of maps and lists as the format prescribes', async () => {
    const { columns } = await tableWith(actionColumns(FEATURES), [{ add: FULL_ADD }]);
    for (const path of [
      'add.partitionValues.key_value.key',
      'add.tags.key_value.value',
      'metaData.format.options.key_value.value',
      'metaData.partitionColumns.list.element',
      'protocol.readerFeatures.list.element',
    ]) {
      assert.ok(columns.includes(path), `${path} is missing in ${columns.join()}`);
    }
  });

  it('has the feature lists only for protocols that have them', async () => {
    const rows = [{ protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['x'] } }];
    const { columns } = await tableWith(actionColumns({ ...LEGACY, writerFeatures: true }), rows);
    assert.ok(columns.includes('protocol.writerFeatures.list.element'));
    assert.ok(!columns.some((path) => path.startsWith('protocol.readerFeatures')));
    const legacy = await tableWith(actionColumns(LEGACY), rows);
    assert.deepEqual(
      legacy.columns.filter((path) => path.startsWith('protocol')),
      ['protocol.minReaderVersion', 'protocol.minWriterVersion'],
    );
  });

  it('has 32 bits where the protocol has an int, and 64 for a long', async () => {
    const { leaves } = await tableWith(actionColumns(LEGACY), [{ add: FULL_ADD }]);
    assert.equal(leaves.get('protocol.minReaderVersion'), 'INT32');
    assert.equal(leaves.get('add.deletionVector.offset'), 'INT32');
    assert.equal(leaves.get('add.deletionVector.cardinality'), 'INT64');
    assert.equal(leaves.get('txn.version'), 'INT64');
  });

  it('writes many actions in several row groups, in pieces, and keeps each once', async () => {
    const count = 30_000;
    const rows = Array.from({ length: count }, (_, index): CheckpointRow => {
      const path = `${index}-${Math.sin(index)}`;
      return index % 3 === 0 ? { remove: { path, dataChange: false } } : { add: { ...FULL_ADD, path } };
    });
    const table = await tableWith(actionColumns(LEGACY), rows, { maxRowGroupBytes: 200_000 });
    assert.ok(table.pieces > 2, `${table.pieces} pieces`);
    assert.ok(table.rowGroups > 2, `${table.rowGroups} row groups`);
    const paths = (await table.files()).map((action) => ('add' in action ? action.add.path : action.remove.path));
    assert.equal(paths.length, count);
    assert.equal(new Set(paths).size, count);
  });

  it('writes a file without rows', async () => {
    assert.deepEqual(await (await tableWith(actionColumns(LEGACY), [])).files(), []);
  });

  it('throws what the source of the rows throws, before the file is whole', async () => {
    async function* failing(): AsyncGenerator<readonly CheckpointRow[]> {
      yield Array.from({ length: 20_000 }, (_, index) => ({ add: { ...FULL_ADD, path: `${index}` } }));
      throw new RangeError('the source failed');
    }
    const store = createMemoryStore();
    const { pieces } = writeCheckpointRows(actionColumns(LEGACY), failing(), { maxRowGroupBytes: 50_000 });
    await assert.rejects(store.putStream('k', pieces), /the source failed/);
    assert.equal(await store.head('k'), undefined);
  });

  it('stops the source when the pieces are no longer wanted', async () => {
    let stopped = false;
    async function* endless(): AsyncGenerator<readonly CheckpointRow[]> {
      try {
        for (;;)
          yield Array.from({ length: 1000 }, (_, index) => ({
            add: { ...FULL_ADD, path: `${Math.random()}${index}` },
          }));
      } finally {
        stopped = true;
      }
    }
    const { pieces } = writeCheckpointRows(actionColumns(LEGACY), endless(), { maxRowGroupBytes: 50_000 });
    for await (const _ of pieces) break;
    assert.ok(stopped);
  });

  it('refuses an action that has no place, and a value that is none', async () => {
    const row = { sidecar: { path: 'x' } } as unknown as CheckpointRow;
    await assert.rejects(tableWith(actionColumns(LEGACY), [row]), /no column for sidecar/);
    const add = { ...FULL_ADD, size: 1.5 };
    await assert.rejects(tableWith(actionColumns(LEGACY), [{ add }]), (error) => isCellError(error, 'WRONG_TYPE'));
  });
});

async function tableWith(
  columns: ReturnType<typeof actionColumns>,
  rows: readonly CheckpointRow[],
  options?: CheckpointWriteOptions,
) {
  const store = createMemoryStore();
  const table = { store, root: '', url: 's3://bucket' };
  const file = { key: 'c.parquet' };
  const stream = writeCheckpointRows(columns, inBatches(rows), options);
  let pieces = 0;
  async function* counted() {
    for await (const piece of stream.pieces) {
      pieces++;
      yield piece;
    }
  }
  const size = await store.putStream(file.key, counted());
  assert.equal(stream.summary().bytes, size);
  assert.equal(stream.summary().rows, rows.length);
  const footer = parseFooter((await store.get(file.key)).body);
  assert.ok(!isParquetError(footer));
  return {
    pieces,
    rowGroups: footer.rowGroups.length,
    columns: footer.columns.map((leaf: SchemaNode) => leaf.path.join('.')),
    leaves: new Map<string, string>(footer.columns.map(({ path, physical }) => [path.join('.'), physical])),
    control: () => reader.readControl(table, file),
    files: async () => (await Array.fromAsync(reader.readFiles(table, file, { stats: true, removes: true }))).flat(),
  };
}

async function* inBatches(rows: readonly CheckpointRow[]): AsyncGenerator<readonly CheckpointRow[]> {
  for (let from = 0; from < rows.length; from += 700) yield rows.slice(from, from + 700);
}
