import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Catalog, CatalogTable } from '../../src/catalog/catalog.ts';
import { CatalogError, type CatalogErrorCode } from '../../src/catalog/errors.ts';
import { type SyncOptions, syncTable } from '../../src/catalog/sync-table.ts';
import type { Metadata } from '../../src/delta/actions.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { add, createLogBuilder, metaData, protocol } from '../support/delta-log-builder.ts';
import { everyInterleaving, interleave, type Turn } from '../support/interleaving.ts';
import { createMemoryCatalog, type MemoryCatalog } from '../support/memory-catalog.ts';

const NAME = { database: 'sales', table: 'orders' };
const LOCATION = 's3://lake/sales/orders/';
const OPTIONS: SyncOptions = { createDatabase: false, properties: [] };

type Column = readonly [name: string, type: string, comment?: string];

function withColumns(columns: readonly Column[], overrides: Partial<Metadata> = {}) {
  const fields = columns.map(([name, type, comment]) => {
    return { name, type, nullable: true, metadata: comment === undefined ? {} : { comment } };
  });
  return metaData({ schemaString: JSON.stringify({ type: 'struct', fields }), ...overrides });
}

function worldOf(catalog: MemoryCatalog = createMemoryCatalog()) {
  catalog.databases.add(NAME.database);
  const store = createMemoryStore();
  const log = createLogBuilder({ store, root: 'sales/orders', url: 's3://lake/sales/orders' });
  const engine = { catalog, reader: createCheckpointReader(), random: () => 0.5, sleep: async () => {} };
  const table = () => catalog.tables.get('sales.orders') ?? assert.fail('there is no such table');
  return {
    catalog,
    log,
    engine,
    table,
    columns: () => table().StorageDescriptor?.Columns?.map(({ Name, Type }) => `${Name} ${Type}`),
    sync: (options: Partial<SyncOptions> = {}, seen: ObjectStore = store) =>
      syncTable(engine, { ...log.table, store: seen }, NAME, { ...OPTIONS, ...options }),
  };
}

const refusedAs = (code: CatalogErrorCode, message: RegExp) => (error: unknown) =>
  error instanceof CatalogError && error.code === code && message.test(error.message);

describe('a table that the catalog has not', () => {
  it('is made as a native Delta table, with its partition columns among the others', async () => {
    const { log, sync, table, catalog } = worldOf();
    const columns: readonly Column[] = [
      ['Id', 'long', 'of the order'],
      ['ds', 'date'],
    ];
    await log.commit(
      protocol(),
      withColumns(columns, { partitionColumns: ['ds'], description: 'Orders', configuration: { owner: 'me', b: '1' } }),
    );
    const result = await sync({ properties: ['owner', 'none'] });
    assert.deepEqual(result, { outcome: 'created', version: 0, changes: [] });
    assert.deepEqual(table(), {
      Name: 'orders',
      VersionId: '1',
      TableType: 'EXTERNAL_TABLE',
      Description: 'Orders',
      Parameters: {
        owner: 'me',
        EXTERNAL: 'TRUE',
        table_type: 'DELTA',
        'spark.sql.sources.provider': 'delta',
        classification: 'delta',
      },
      PartitionKeys: [],
      StorageDescriptor: {
        Columns: [
          { Name: 'id', Type: 'bigint', Comment: 'of the order' },
          { Name: 'ds', Type: 'date' },
        ],
        Location: LOCATION,
        InputFormat: 'org.apache.hadoop.mapred.SequenceFileInputFormat',
        OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat',
        SerdeInfo: {
          SerializationLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
          Parameters: { 'serialization.format': '1', path: LOCATION },
        },
      },
    });
    assert.deepEqual(catalog.requests, ['getTable sales.orders', 'createTable sales.orders']);
  });

  it('needs its database, which is made where that is wanted', async () => {
    const { log, sync, catalog, table } = worldOf();
    catalog.databases.clear();
    await log.commit(protocol(), metaData());
    await assert.rejects(sync(), refusedAs('NO_DATABASE', /Glue has no database sales for the table orders/));
    assert.equal((await sync({ createDatabase: true })).outcome, 'created');
    assert.deepEqual([...catalog.databases], ['sales']);
    assert.equal(table().VersionId, '1');
  });

  it('is not made in a dry run', async () => {
    const { log, sync, catalog } = worldOf();
    await log.commit(protocol(), metaData());
    assert.equal((await sync({ dryRun: true })).outcome, 'created');
    assert.deepEqual([...catalog.tables], []);
  });
});

describe('a table that the catalog has', () => {
  it('costs one request and gets no version when nothing differs', async () => {
    const { log, sync, catalog, table } = worldOf();
    await log.commit(protocol(), metaData({ description: 'Orders' }));
    await sync();
    catalog.requests.length = 0;
    await log.commit(add('a.parquet'));
    assert.deepEqual(await sync(), { outcome: 'unchanged', version: 1, changes: [] });
    assert.deepEqual(catalog.requests, ['getTable sales.orders']);
    assert.equal(table().VersionId, '1');
  });

  it('gets new columns, types, comments, the order, the description and chosen properties', async () => {
    const { log, sync, table, columns } = worldOf();
    const properties = ['owner', 'tier'];
    const before: readonly Column[] = [
      ['a', 'integer'],
      ['b', 'string', 'old'],
      ['gone', 'date'],
    ];
    await log.commit(protocol(), withColumns(before, { configuration: { owner: 'me' } }));
    await sync({ properties });
    const after: readonly Column[] = [
      ['b', 'string', 'new'],
      ['a', 'long'],
      ['c', 'decimal(5,2)'],
    ];
    await log.commit(withColumns(after, { description: 'Orders', configuration: { tier: '1' } }));
    assert.deepEqual(await sync({ properties }), {
      outcome: 'updated',
      version: 1,
      changes: [
        'column b: comment',
        'column a: int -> bigint',
        'column c: added, decimal(5,2)',
        'column gone: removed',
        'parameter owner: me -> none',
        'parameter tier: none -> 1',
        'description',
      ],
    });
    assert.deepEqual(columns(), ['b string', 'a bigint', 'c decimal(5,2)']);
    assert.deepEqual([table().VersionId, table().Description, table().Parameters?.owner], ['2', 'Orders', undefined]);
    await log.commit(withColumns(after.toReversed(), { description: 'Orders', configuration: { tier: '1' } }));
    assert.deepEqual((await sync({ properties })).changes, ['order of the columns']);
  });

  it('keeps what others set in it', async () => {
    const { log, sync, table, catalog } = worldOf();
    await log.commit(protocol(), withColumns([['a', 'long']]));
    await sync();
    const { StorageDescriptor: storage, Parameters, ...rest } = table();
    const theirs: CatalogTable = {
      ...rest,
      Description: 'theirs',
      Owner: 'someone',
      Retention: 3,
      Parameters: { ...Parameters, table_type: 'delta', their: 'own' },
      StorageDescriptor: {
        ...storage,
        NumberOfBuckets: -1,
        InputFormat: 'their.InputFormat',
        Location: 's3a://lake/sales/orders',
        Columns: [{ Name: 'a', Type: 'bigint', Comment: 'theirs', Parameters: { pii: 'yes' } }],
        Parameters: { k: 'v' },
      },
    };
    catalog.put('sales', theirs);
    assert.equal((await sync()).outcome, 'unchanged');
    await log.commit(
      withColumns([
        ['a', 'long'],
        ['b', 'date'],
      ]),
    );
    assert.deepEqual((await sync()).changes, ['column b: added, date']);
    assert.deepEqual(table(), {
      ...theirs,
      VersionId: '3',
      StorageDescriptor: {
        ...theirs.StorageDescriptor,
        Columns: [...(theirs.StorageDescriptor?.Columns ?? []), { Name: 'b', Type: 'date' }],
      },
    });
  });

  it('keeps the partition keys that someone made it with', async () => {
    const { log, sync, table, catalog, columns } = worldOf();
    catalog.put('sales', {
      Name: 'orders',
      TableType: 'EXTERNAL_TABLE',
      Parameters: { 'spark.sql.sources.provider': 'DELTA' },
      PartitionKeys: [
        { Name: 'ds', Type: 'string' },
        { Name: 'gone', Type: 'string' },
      ],
      StorageDescriptor: { Location: LOCATION, Columns: [{ Name: 'col', Type: 'array<string>' }] },
    });
    await log.commit(
      protocol(),
      withColumns([
        ['ds', 'date'],
        ['id', 'long'],
      ]),
    );
    const { outcome, changes } = await sync();
    assert.equal(outcome, 'updated');
    assert.ok(
      changes.includes('column ds: string -> date') && changes.includes('column gone: removed'),
      changes.join(),
    );
    assert.deepEqual(table().PartitionKeys, [{ Name: 'ds', Type: 'date' }]);
    assert.deepEqual(columns(), ['id bigint']);
    assert.equal((await sync()).outcome, 'unchanged');
  });

  it('is not changed in a dry run', async () => {
    const { log, sync, table } = worldOf();
    await log.commit(protocol(), withColumns([['a', 'long']]));
    await sync();
    await log.commit(withColumns([['a', 'double']]));
    assert.deepEqual((await sync({ dryRun: true })).changes, ['column a: bigint -> double']);
    assert.equal(table().VersionId, '1');
  });
});

describe('what is something else is left alone:', () => {
  const other = (fields: Partial<CatalogTable>): CatalogTable => ({
    Name: 'orders',
    TableType: 'EXTERNAL_TABLE',
    Parameters: { table_type: 'DELTA' },
    StorageDescriptor: { Location: LOCATION },
    ...fields,
  });
  const CASES: readonly (readonly [string, CatalogTable, CatalogErrorCode, RegExp])[] = [
    [
      'a table elsewhere',
      other({ StorageDescriptor: { Location: 's3://lake/sales/Orders' } }),
      'NAME_TAKEN',
      /sales\.orders is in Glue already, as s3:\/\/lake\/sales\/Orders: s3:\/\/lake\/sales\/orders\/ was left out/,
    ],
    [
      'a table of manifests',
      other({ StorageDescriptor: { Location: `${LOCATION}_symlink_format_manifest` } }),
      'NAME_TAKEN',
      /_symlink/,
    ],
    ['a link', other({ TargetTable: { DatabaseName: 'a', Name: 'b' } }), 'NAME_TAKEN', /as a link to a\.b/],
    [
      'a view',
      other({ TableType: 'VIRTUAL_VIEW', StorageDescriptor: {} }),
      'NAME_TAKEN',
      /as something without a location/,
    ],
    [
      'an Iceberg table',
      other({ Parameters: { table_type: 'ICEBERG' } }),
      'NOT_DELTA',
      /table_type iceberg, provider none/,
    ],
    [
      'a table that is both',
      other({ Parameters: { table_type: 'ICEBERG', 'spark.sql.sources.provider': 'delta' } }),
      'NOT_DELTA',
      /table_type iceberg, provider delta/,
    ],
    [
      'a table of Parquet files',
      other({ Parameters: { classification: 'parquet' } }),
      'NOT_DELTA',
      /expected a Delta table/,
    ],
  ];
  for (const [what, table, code, message] of CASES) {
    it(what, async () => {
      const world = worldOf();
      await world.log.commit(protocol(), metaData());
      world.catalog.put('sales', table);
      await assert.rejects(world.sync(), refusedAs(code, message));
      assert.deepEqual(world.table(), { ...table, VersionId: '1' });
    });
  }
});

describe('several at once', () => {
  it('leave the catalog with what the newest version of the table says, in every order', async () => {
    const runs = await everyInterleaving(3, async (choose) => {
      const world = worldOf();
      const { log, catalog, engine } = world;
      const { store } = log.table;
      await log.commit(protocol(), withColumns([['a', 'integer']]));
      const actor = (type: string | undefined) => async (turn: Turn) => {
        if (type !== undefined) {
          await turn();
          await log.commit(withColumns([['a', type]]));
        }
        const before =
          <A extends unknown[], T>(work: (...args: A) => Promise<T>) =>
          async (...args: A) => {
            await turn();
            return work(...args);
          };
        const own = {
          ...catalog,
          getTable: before(catalog.getTable),
          createTable: before(catalog.createTable),
          updateTable: before(catalog.updateTable),
        };
        const seen: ObjectStore = {
          ...store,
          async *list(...args) {
            await turn();
            yield* store.list(...args);
          },
        };
        await syncTable({ ...engine, catalog: own }, { ...log.table, store: seen }, NAME, OPTIONS);
      };
      await interleave([actor(undefined), actor('long')], choose);
      assert.deepEqual(world.columns(), ['a bigint']);
    });
    assert.ok(runs > 10, `${runs} runs`);
  });

  it('give up when the table is changed again and again', async () => {
    const world = worldOf();
    await world.log.commit(protocol(), withColumns([['a', 'long']]));
    await world.sync();
    await world.log.commit(withColumns([['a', 'double']]));
    world.engine.catalog.updateTable = async () => 'changed';
    await assert.rejects(world.sync(), refusedAs('CONTENTION', /changed in Glue by others each of the 8 times/));
  });
});

describe('a crash before or after any request to Glue', () => {
  /** The catalog, whose request number `at` fails: before it has an effect, or after. It is over when there were fewer. */
  function failing(catalog: MemoryCatalog, at: number, when: 'before' | 'after'): Catalog & { isOver(): boolean } {
    let left = at;
    const faulty =
      <A extends unknown[], T>(work: (...args: A) => Promise<T>) =>
      async (...args: A) => {
        const isFault = left-- === 0;
        if (isFault && when === 'before') throw new Error('crash');
        const answer = await work(...args);
        if (isFault) throw new Error('crash');
        return answer;
      };
    return {
      getTable: faulty(catalog.getTable),
      createTable: faulty(catalog.createTable),
      updateTable: faulty(catalog.updateTable),
      createDatabase: faulty(catalog.createDatabase),
      isOver: () => left >= 0,
    };
  }

  for (const when of ['before', 'after'] as const) {
    for (const [what, isThere] of [
      ['makes no difference to a table that is made', false],
      ['makes no difference to a table that changes', true],
    ] as const) {
      it(`${what}: ${when}`, async () => {
        let faults = 0;
        for (let at = 0; ; at++) {
          const world = worldOf();
          const { catalog, log, engine } = world;
          await log.commit(protocol(), withColumns([['a', 'integer']]));
          if (isThere) await world.sync();
          else catalog.databases.clear();
          await log.commit(withColumns([['a', 'long']]));
          const faulty = failing(catalog, at, when);
          const options = { ...OPTIONS, createDatabase: true };
          const first = syncTable({ ...engine, catalog: faulty }, log.table, NAME, options);
          const [outcome] = await Promise.allSettled([first]);
          if (faulty.isOver()) {
            assert.equal(outcome.status, 'fulfilled');
            break;
          }
          await assert.rejects(first, /^Error: crash$/);
          faults++;
          await world.sync({ createDatabase: true });
          assert.deepEqual(world.columns(), ['a bigint']);
          assert.equal(world.table().VersionId, isThere ? '2' : '1');
        }
        assert.equal(faults, isThere ? 2 : 4);
      });
    }
  }
});
