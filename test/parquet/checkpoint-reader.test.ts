import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { AddFile, RemoveFile } from '../../src/delta/actions.ts';
import type { FileAction, ReadFilesOptions } from '../../src/delta/checkpoint.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { type CheckpointReaderOptions, createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError, type ObjectStore } from '../../src/storage/object-store.ts';
import {
  type CheckpointRow,
  type CheckpointWriteOptions,
  checkpointColumns,
  putClassicCheckpoint,
  putMultiPartCheckpoint,
  putV2Checkpoint,
  writeActionsParquet,
} from '../support/checkpoint-fixtures.ts';
import { type CountingStore, createCountingStore } from '../support/counting-store.ts';

const KEY = 'lake/events/_delta_log/00000000000000000010.checkpoint.parquet';

function tableIn(store: ObjectStore): TableRef {
  return { store, root: 'lake/events', url: 's3://bucket/lake/events' };
}

interface CountedTable {
  readonly table: TableRef;
  readonly store: CountingStore;
  readonly inner: ObjectStore;
  /** Bytes of every ranged read, in order. */
  readonly reads: number[];
}

/** A table whose checkpoint is these bytes. */
async function tableWith(bytes: Uint8Array): Promise<CountedTable> {
  const inner = createMemoryStore();
  await inner.put(KEY, bytes);
  const reads: number[] = [];
  const watched: ObjectStore = {
    ...inner,
    async get(key, options) {
      const object = await inner.get(key, options);
      reads.push(object.body.length);
      return object;
    },
  };
  const store = createCountingStore(watched);
  return { table: tableIn(store), store, inner, reads };
}

async function collect(batches: AsyncIterable<readonly FileAction[]>): Promise<FileAction[]> {
  const actions: FileAction[] = [];
  for await (const batch of batches) actions.push(...batch);
  return actions;
}

function addOf(index: number, fields: Partial<AddFile> = {}): AddFile {
  return {
    path: `date=2024-01-${String((index % 28) + 1).padStart(2, '0')}/part-${index}-c000.snappy.parquet`,
    partitionValues: { date: `2024-01-${String((index % 28) + 1).padStart(2, '0')}` },
    size: 1000 + index,
    modificationTime: 1_700_000_000_000 + index,
    dataChange: false,
    stats: `{"numRecords":${index},"minValues":{"id":${index}},"maxValues":{"id":${index * 2}},"nullCount":{"id":0}}`,
    ...fields,
  };
}

const FULL_ADD: AddFile = addOf(1, {
  path: 'p=%20%C3%A9/x%25.parquet',
  partitionValues: { p: ' é', q: null, r: '', ['__proto__']: 'x' },
  size: 2 ** 45,
  dataChange: true,
  tags: { a: 'b', c: null },
  deletionVector: {
    storageType: 'u',
    pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
    offset: 4,
    sizeInBytes: 40,
    cardinality: 6,
  },
  baseRowId: 5,
  defaultRowCommitVersion: 7,
  clusteringProvider: 'liquid',
});

const FULL_REMOVE: RemoveFile = {
  path: 'p=1/old.parquet',
  deletionTimestamp: 1_700_000_100_000,
  dataChange: true,
  extendedFileMetadata: true,
  partitionValues: { p: '1' },
  size: 99,
  stats: '{"numRecords":1}',
  tags: { t: 'u' },
  deletionVector: {
    storageType: 'i',
    pathOrInlineDv: 'wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L',
    sizeInBytes: 40,
    cardinality: 1,
  },
  baseRowId: 1,
  defaultRowCommitVersion: 2,
};

const CONTROL_ROWS = [
  {
    protocol: {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['deletionVectors'],
      writerFeatures: ['deletionVectors', 'domainMetadata'],
    },
  },
  {
    metaData: {
      id: 'f0e1',
      name: 'events',
      description: 'what happened',
      format: { provider: 'parquet', options: { a: 'b' } },
      schemaString: '{"type":"struct","fields":[]}',
      partitionColumns: ['p', 'q', 'r'],
      configuration: { 'delta.enableDeletionVectors': 'true' },
      createdTime: 1_699_000_000_000,
    },
  },
  { txn: { appId: 'app-1', version: 17, lastUpdated: 1_699_000_000_001 } },
  { txn: { appId: 'app-2', version: 0 } },
  { domainMetadata: { domain: 'delta.clustering', configuration: '{"c":["a"]}', removed: false } },
] as const;

const CONTROL = {
  protocol: CONTROL_ROWS[0].protocol,
  metadata: CONTROL_ROWS[1].metaData,
  txns: [CONTROL_ROWS[2].txn, CONTROL_ROWS[3].txn],
  domains: [CONTROL_ROWS[4].domainMetadata],
  sidecars: [],
};

/** Few actions of every kind, in the mixed order in which Spark leaves them. */
const ROWS: readonly CheckpointRow[] = [
  { add: FULL_ADD },
  CONTROL_ROWS[0],
  { remove: FULL_REMOVE },
  CONTROL_ROWS[1],
  { add: addOf(2) },
  CONTROL_ROWS[2],
  { remove: { path: 'p=1/older.parquet', dataChange: false } },
  CONTROL_ROWS[3],
  CONTROL_ROWS[4],
  { add: addOf(3, { partitionValues: {} }) },
];
const FILE_ROWS = ROWS.filter((row): row is FileAction => 'add' in row || 'remove' in row);

function withoutStats(action: FileAction): FileAction {
  if ('add' in action) {
    const { stats: _, ...add } = action.add;
    return { add };
  }
  const { stats: _, ...remove } = action.remove;
  return { remove };
}

const ALL: ReadFilesOptions = { stats: true, removes: true };

describe('reads every action with all its fields', () => {
  const layouts: Readonly<Record<string, CheckpointWriteOptions>> = {
    'one row group, as delta-rs writes it': {},
    'several row groups': { rowGroupSize: 3 },
    'snappy, as Spark writes it': { compression: 'SNAPPY' },
    'zstd and data pages of version 2': { compression: 'ZSTD', pageVersion: 2 },
    'no dictionary, tiny pages': { dictionary: false, pageSize: 1 },
    'no statistics': { statistics: false },
    'columns in another order': { columns: Object.fromEntries(Object.entries(checkpointColumns).reverse()) },
  };
  for (const [name, layout] of Object.entries(layouts)) {
    test(name, async () => {
      const { table } = await tableWith(await writeActionsParquet(ROWS, layout));
      const reader = createCheckpointReader({ batchRows: 2 });
      assert.deepEqual(await reader.readControl(table, { key: KEY }), CONTROL);
      assert.deepEqual(await collect(reader.readFiles(table, { key: KEY }, ALL)), FILE_ROWS);
      const adds = FILE_ROWS.filter((action) => 'add' in action).map(withoutStats);
      assert.deepEqual(await collect(reader.readFiles(table, { key: KEY })), adds);
    });
  }

  test('the parts of a multi-part checkpoint', async () => {
    const table = tableIn(createMemoryStore());
    const keys = await putMultiPartCheckpoint(table, 10, 3, ROWS);
    const reader = createCheckpointReader();
    const actions: FileAction[] = [];
    const txns: string[] = [];
    for (const key of keys) {
      actions.push(...(await collect(reader.readFiles(table, { key }, ALL))));
      txns.push(...(await reader.readControl(table, { key })).txns.map(({ appId }) => appId));
    }
    assert.deepEqual(new Set(actions), new Set(FILE_ROWS));
    assert.deepEqual(txns.toSorted(), ['app-1', 'app-2']);
  });

  test('a V2 checkpoint and its sidecars', async () => {
    const table = tableIn(createMemoryStore());
    const { key, sidecars } = await putV2Checkpoint(table, 10, ROWS, { sidecars: 2 });
    const reader = createCheckpointReader();
    const control = await reader.readControl(table, { key });
    assert.deepEqual({ ...control, sidecars: [] }, CONTROL);
    assert.deepEqual(
      control.sidecars.map(({ path }) => `lake/events/_delta_log/_sidecars/${path}`),
      sidecars,
    );
    assert.deepEqual(await collect(reader.readFiles(table, { key }, ALL)), []);
    const inSidecars = await Promise.all(
      sidecars.map((sidecar) => collect(reader.readFiles(table, { key: sidecar }, ALL))),
    );
    assert.deepEqual(new Set(inSidecars.flat()), new Set(FILE_ROWS));
    const size = control.sidecars[0]?.sizeInBytes ?? assert.fail();
    assert.deepEqual((await reader.readControl(table, { key: sidecars[0] ?? '', size })).txns, []);
  });

  test('columns that are new, or of no use here, are ignored', async () => {
    const columns = {
      ...checkpointColumns,
      add: {
        struct: {
          stats_parsed: { struct: { numRecords: 'long', minValues: { struct: { id: 'long' } } } },
          partitionValues_parsed: { struct: { date: 'string' } },
          ...checkpointColumns.add.struct,
        },
      },
      somethingNew: { list: { struct: { deep: { list: 'string' } } } },
    } as const;
    const parsed = { stats_parsed: { numRecords: 9 }, partitionValues_parsed: { date: '2024-01-01' } };
    const { stats: _, ...add } = addOf(4);
    const row = { add: { ...add, ...parsed }, somethingNew: [{ deep: ['x'] }] };
    const { table } = await tableWith(await writeActionsParquet([row, ...ROWS], { columns }));
    const reader = createCheckpointReader();
    assert.deepEqual(await collect(reader.readFiles(table, { key: KEY }, ALL)), [{ add }, ...FILE_ROWS]);
  });

  test('optional columns that are not there', async () => {
    const columns = {
      add: {
        struct: {
          path: 'string',
          partitionValues: { map: 'string' },
          size: 'long',
          modificationTime: 'long',
          dataChange: 'boolean',
        },
      },
      metaData: { struct: { id: 'string', partitionColumns: { list: 'string' } } },
      protocol: { struct: { minReaderVersion: 'int', minWriterVersion: 'int' } },
    } as const;
    const { table } = await tableWith(await writeActionsParquet(ROWS, { columns }));
    const reader = createCheckpointReader();
    assert.deepEqual(await reader.readControl(table, { key: KEY }), {
      protocol: { minReaderVersion: 3, minWriterVersion: 7 },
      metadata: {
        id: 'f0e1',
        format: { provider: 'parquet', options: {} },
        schemaString: '{"type":"struct","fields":[]}',
        partitionColumns: ['p', 'q', 'r'],
        configuration: {},
      },
      txns: [],
      domains: [],
      sidecars: [],
    });
    assert.equal((await collect(reader.readFiles(table, { key: KEY }, ALL))).length, 3);
  });

  test('an empty list of features is not the same as none', async () => {
    const protocol = { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: [], writerFeatures: [] };
    const { table } = await tableWith(await writeActionsParquet([{ protocol }]));
    assert.deepEqual((await createCheckpointReader().readControl(table, { key: KEY })).protocol, protocol);
  });
});

describe('finds files by their logged path', () => {
  const rows = [
    ...CONTROL_ROWS,
    ...Array.from({ length: 5000 }, (_, index) => ({ add: addOf(index) })),
    { remove: FULL_REMOVE },
  ];

  for (const layout of [{}, { rowGroupSize: 1500 }, { pageSize: 2000, compression: 'SNAPPY' }] as const) {
    test(JSON.stringify(layout), async () => {
      const { table } = await tableWith(await writeActionsParquet(rows, layout));
      const wanted = [0, 1, 1499, 1500, 4999].map((index) => addOf(index));
      const paths = new Set([...wanted.map(({ path }) => path), FULL_REMOVE.path, 'not/there']);
      const adds = wanted.map((add) => ({ add }));
      const reader = createCheckpointReader();
      assert.deepEqual(await reader.findFiles(table, { key: KEY }, paths, ALL), [...adds, { remove: FULL_REMOVE }]);
      assert.deepEqual(await reader.findFiles(table, { key: KEY }, paths), adds.map(withoutStats));
      assert.deepEqual(await reader.findFiles(table, { key: KEY }, new Set(['not/there'])), []);
    });
  }
});

describe('reads little', () => {
  async function bigCheckpoint(adds: number, layout: CheckpointWriteOptions = {}): Promise<CountedTable> {
    const fileActions = Array.from({ length: adds }, (_, index) => ({ add: addOf(index) }));
    return tableWith(await writeActionsParquet([...CONTROL_ROWS, ...fileActions], layout));
  }

  async function sizeOf({ inner }: CountedTable): Promise<number> {
    return (await inner.head(KEY))?.size ?? assert.fail();
  }

  test('the few actions of a checkpoint cost the same for 10 adds and for 100,000', async () => {
    for (const [adds, layout, most] of [
      [10, {}, 1],
      [100_000, {}, 3],
      [20_000, { rowGroupSize: 6000 }, 3],
    ] as const) {
      const counted = await bigCheckpoint(adds, layout);
      const { table, store } = counted;
      const file = { key: KEY, size: await sizeOf(counted) };
      assert.deepEqual(await createCheckpointReader().readControl(table, file), CONTROL);
      const { get, head, bytesRead } = store.counts;
      assert.ok(get <= most && head === 0, `${adds} adds, ${JSON.stringify(layout)}: ${get} GETs, ${head} HEADs`);
      assert.ok(bytesRead < 200_000, `${adds} adds, ${JSON.stringify(layout)}: ${bytesRead} bytes of ${file.size}`);
    }
  });

  test('statistics are read only when they are asked for, and in blocks', async () => {
    const counted = await bigCheckpoint(20_000);
    const { table, store, reads } = counted;
    const file = { key: KEY, size: await sizeOf(counted) };
    const options: CheckpointReaderOptions = { bufferBytes: 256 * 1024 };
    const reader = createCheckpointReader(options);
    assert.equal((await collect(reader.readFiles(table, file, { stats: true }))).length, 20_000);
    const withStats = store.counts.bytesRead;
    assert.ok(withStats <= file.size + 200_000, `${withStats} of ${file.size} bytes`);
    store.reset();
    assert.equal((await collect(reader.readFiles(table, file))).length, 20_000);
    assert.ok(store.counts.bytesRead < withStats * 0.6, `${store.counts.bytesRead} without, ${withStats} with`);
    store.reset();
    await reader.findFiles(table, file, new Set(['not/there']));
    assert.ok(store.counts.bytesRead < withStats * 0.5, `${store.counts.bytesRead} bytes for the paths alone`);
    assert.ok(Math.max(...reads) <= 256 * 1024, `a read of ${Math.max(...reads)} bytes`);
  });

  test('a size that is not known costs a HEAD, one that is wrong a second look', async () => {
    const { table, store, inner } = await tableWith(await writeActionsParquet(ROWS));
    const size = (await inner.head(KEY))?.size ?? 0;
    const reader = createCheckpointReader();
    for (const [given, heads, gets] of [
      [undefined, 1, 1],
      [size, 0, 1],
      [size - 100, 0, 2],
      [size + 50, 0, 2],
      [size + 10_000_000, 1, 2],
    ] as const) {
      store.reset();
      const file = given === undefined ? { key: KEY } : { key: KEY, size: given };
      assert.deepEqual(await reader.readControl(table, file), CONTROL, `size ${given}`);
      assert.deepEqual([store.counts.head, store.counts.get], [heads, gets], `size ${given} of ${size}`);
    }
  });
});

describe('checkpoints that change or are not there', () => {
  /** Puts other bytes under the key before the n-th read. */
  function replacedBefore(read: number, inner: ObjectStore, bytes: Uint8Array): TableRef {
    let count = 0;
    return tableIn({
      ...inner,
      async get(key, options) {
        if (++count === read) await inner.put(KEY, bytes);
        return inner.get(key, options);
      },
    });
  }

  const many = [...ROWS, ...Array.from({ length: 5000 }, (_, index) => ({ add: addOf(index + 100) }))];

  test('one that is replaced while it is read is read again', async () => {
    const [first, second] = [await writeActionsParquet(many), await writeActionsParquet(many, { compression: 'ZSTD' })];
    for (const read of [2, 3]) {
      const { inner } = await tableWith(first);
      const file = { key: KEY, size: first.length };
      const reader = createCheckpointReader();
      assert.deepEqual(await reader.readControl(replacedBefore(read, inner, second), file), CONTROL);
      await inner.put(KEY, first);
      const found = await reader.findFiles(replacedBefore(read, inner, second), file, new Set([FULL_ADD.path]), ALL);
      assert.deepEqual(found, [{ add: FULL_ADD }]);
    }
  });

  test('a stream over one that is replaced ends with an error, never with a mixture', async () => {
    const { inner } = await tableWith(await writeActionsParquet(many));
    const table = replacedBefore(3, inner, await writeActionsParquet(many, { compression: 'ZSTD' }));
    const reader = createCheckpointReader({ bufferBytes: 256 * 1024 });
    await assert.rejects(collect(reader.readFiles(table, { key: KEY }, ALL)), (error: unknown) =>
      isStoreError(error, 'PRECONDITION_FAILED'),
    );
  });

  test("one that is gone is the store's own error", async () => {
    const table = tableIn(createMemoryStore());
    const reader = createCheckpointReader();
    for (const file of [{ key: KEY }, { key: KEY, size: 1000 }]) {
      const reads = [
        reader.readControl(table, file),
        collect(reader.readFiles(table, file)),
        reader.findFiles(table, file, new Set()),
      ];
      for (const read of reads) await assert.rejects(read, (error: unknown) => isStoreError(error, 'NOT_FOUND'));
    }
  });
});

describe('broken checkpoints', () => {
  async function assertCorrupt(bytes: Uint8Array, message: RegExp): Promise<void> {
    const { table } = await tableWith(bytes);
    const reader = createCheckpointReader();
    const read = async () => [
      await reader.readControl(table, { key: KEY }),
      await collect(reader.readFiles(table, { key: KEY }, ALL)),
    ];
    await assert.rejects(read, (error: unknown) => {
      assert.ok(isDeltaError(error, 'CORRUPT_LOG'), String(error));
      assert.match(error.message, message);
      assert.ok(error.message.includes(KEY) && error.message.includes(table.url), error.message);
      assert.deepEqual([error.data.table, error.data.key], [table.url, KEY]);
      return true;
    });
  }

  test('no Parquet, and nothing at all', async () => {
    await assertCorrupt(new TextEncoder().encode('{"add":{"path":"x"}}'.repeat(10)), /does not end with "PAR1"/);
    await assertCorrupt(new Uint8Array(), /the file is empty/);
  });

  test('cut off in the middle', async () => {
    const bytes = await writeActionsParquet(ROWS);
    await assertCorrupt(bytes.subarray(0, bytes.length / 2), /./);
  });

  test('a column of another type', async () => {
    const columns = {
      ...checkpointColumns,
      add: { struct: { ...checkpointColumns.add.struct, size: 'string' } },
    } as const;
    const rows = [{ add: { ...addOf(1), size: '12' } as unknown as AddFile }];
    await assertCorrupt(
      await writeActionsParquet(rows, { columns }),
      /"add\.size" is OPTIONAL BYTE_ARRAY.*expected a integer/,
    );
  });

  test('a row without a field that the protocol requires', async () => {
    const rows = [
      { add: { path: 'x', partitionValues: {}, modificationTime: 1, dataChange: true } as unknown as AddFile },
    ];
    await assertCorrupt(await writeActionsParquet(rows), /add\.size/);
  });

  test('whatever bytes are damaged, it is CORRUPT_LOG or a result, in bounded time', async () => {
    const bodies = [
      await writeActionsParquet(ROWS, { statistics: false, dictionary: false }),
      await writeActionsParquet(ROWS, { pageVersion: 2, compression: 'SNAPPY', rowGroupSize: 4 }),
      await writeActionsParquet(ROWS, { compression: 'ZSTD' }),
      await readFile(new URL('../fixtures/checkpoints/delta-rs.checkpoint.parquet', import.meta.url)),
    ];
    const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    });
    const property = fc.asyncProperty(fc.nat(bodies.length - 1), damage, async (index, changes) => {
      const bytes = Uint8Array.from(bodies[index] ?? assert.fail());
      for (const [where, value] of changes) bytes[Math.floor(where * bytes.length)] = value;
      const { table } = await tableWith(bytes);
      const reader = createCheckpointReader();
      const file = { key: KEY, size: bytes.length };
      for (const read of [
        () => reader.readControl(table, file),
        () => collect(reader.readFiles(table, file, ALL)),
        () => reader.findFiles(table, file, new Set([FULL_ADD.path])),
      ]) {
        try {
          await read();
        } catch (error) {
          assert.ok(isDeltaError(error, 'CORRUPT_LOG'), error instanceof Error ? error.stack : String(error));
        }
      }
    });
    await fc.assert(property, { numRuns: 1000 });
  });
});

describe('checkpoints of other writers', () => {
  test('delta-rs', async () => {
    await assertSameAsOracle(new URL('../fixtures/checkpoints/delta-rs.checkpoint.parquet', import.meta.url));
  });

  const golden = new URL('../../../shared/golden/', import.meta.url);
  const isThere = existsSync(golden);
  test('Spark: the golden tables', {
    skip: isThere ? false : 'the golden tables are not beside the project',
  }, async (t) => {
    const names = await readdir(golden, { recursive: true });
    const checkpoints = names.filter((name) => /_delta_log\/[^/]*\.checkpoint\.[^/]*parquet$/.test(name));
    assert.ok(checkpoints.length > 0);
    for (const name of checkpoints) {
      await t.test(name, () => assertSameAsOracle(new URL(encodeURI(name), golden)));
    }
  });

  /** Compares with what hyparquet makes of the whole file. */
  async function assertSameAsOracle(url: URL): Promise<void> {
    const bytes = await readFile(url);
    const file = new Uint8Array(bytes).buffer;
    const rows: Record<string, unknown>[] = await parquetReadObjects({ file, compressors });
    const { table } = await tableWith(bytes);
    const reader = createCheckpointReader();
    const control = await reader.readControl(table, { key: KEY });
    const files = await collect(reader.readFiles(table, { key: KEY }, ALL));
    const columnOf = (name: string) => rows.flatMap((row) => (row[name] == null ? [] : [clean(row[name])]));
    const expected = rows.flatMap(({ add, remove }): unknown[] => {
      if (add != null) return [{ add: clean(add) }];
      return remove != null ? [{ remove: clean(remove) }] : [];
    });
    assert.deepEqual(files, expected);
    assert.deepEqual(control.protocol, columnOf('protocol')[0]);
    assert.deepEqual(control.txns, columnOf('txn'));
    const noSchema = { schemaString: '{"type":"struct","fields":[]}' };
    const metadata = columnOf('metaData').map((columns) => Object.assign(noSchema, columns));
    assert.deepEqual(control.metadata, metadata[0]);
  }

  /** The oracle's value in the shape of an action: no nulls but in maps, no bigints, no columns that are not read. */
  function clean(value: unknown, name = ''): unknown {
    if (typeof value === 'bigint') return Number(value);
    if (Array.isArray(value)) return value.map((item) => clean(item));
    if (typeof value !== 'object' || value === null) return value ?? undefined;
    const isMap = name === 'partitionValues' || name === 'tags';
    const entries = Object.entries(value)
      .filter(([key, item]) => (isMap || item != null) && !UNREAD.has(key))
      .map(([key, item]) => [key, isMap ? item : clean(item, key)] as const);
    return Object.fromEntries(entries);
  }

  const UNREAD = new Set(['stats_parsed', 'partitionValues_parsed', 'maxRowIndex']);
});

test('the fixtures put checkpoints where the log has them', async () => {
  const table = tableIn(createMemoryStore());
  assert.equal(await putClassicCheckpoint(table, 10, ROWS), KEY);
});
