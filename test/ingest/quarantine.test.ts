import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../src/delta/actions.ts';
import { createAppendWorld, type World } from '../support/append-world.ts';
import type { ColumnType } from '../support/checkpoint-fixtures.ts';
import { parquet, ROW_COLUMNS, rowsOf } from '../support/landing.ts';

const text = (value: string) => new TextEncoder().encode(value);
const good = parquet(rowsOf(0, 10));

function withColumns(columns: Readonly<Record<string, ColumnType>>): Uint8Array {
  return parquet([{ id: 1, name: 'x' }], columns);
}

/** The reason for which a file is refused by a table that has one good file; '' if it is taken. */
async function reasonFor(world: World, key: string, body: Uint8Array): Promise<string> {
  await world.deliver([await world.land('web/ds=2026-01-01/good.parquet', good)]);
  const record = await world.land(key, body);
  assert.deepEqual(await world.deliver([record]), [], 'the message is done: the file is in quarantine, not in the way');
  const records = await world.quarantined('web');
  await world.deliver([record]);
  assert.equal((await world.quarantined('web')).length, records.length, 'a redelivery makes no second record');
  const { files } = await world.table('web');
  assert.equal(files.length + records.length, 2);
  return records[0]?.reason ?? '';
}

describe('a file that cannot be taken goes to quarantine with its reason', () => {
  const encrypted = new Uint8Array(good);
  encrypted.set(text('PARE'), encrypted.length - 4);
  const corrupt = new Uint8Array(good);
  corrupt.fill(0xff, corrupt.length - 200, corrupt.length - 8);
  const cases: Record<string, [key: string, body: Uint8Array, reason: string]> = {
    'not Parquet': ['web/ds=1/a.csv', text('id,name\n1,x\n2,y\n'), 'NOT_PARQUET'],
    empty: ['web/ds=1/a.parquet', new Uint8Array(), 'EMPTY'],
    truncated: ['web/ds=1/a.parquet', good.subarray(0, good.length - 40), 'TRUNCATED'],
    corrupt: ['web/ds=1/a.parquet', corrupt, 'CORRUPT'],
    'an encrypted footer': ['web/ds=1/a.parquet', encrypted, 'ENCRYPTED'],
    'a type conflict': ['web/ds=1/a.parquet', withColumns({ id: 'string', name: 'string' }), 'SCHEMA_CONFLICT'],
    'a name in another case': ['web/ds=1/a.parquet', withColumns({ ID: 'long', name: 'string' }), 'SCHEMA_CONFLICT'],
    'no partition': ['web/a.parquet', good, ''],
    'another partition column': ['web/ds=1/hour=2/a.parquet', good, 'PARTITION_MISMATCH'],
    'a new column': ['web/ds=1/a.parquet', withColumns({ ...ROW_COLUMNS, city: 'string' }), ''],
    'an empty segment in the key': ['web/ds=1//a.parquet', good, 'INVALID_KEY'],
    'a control character in the key': ['web/ds=1/a\nb.parquet', good, 'INVALID_KEY'],
    'an odd partition value': ['web/ds=%2F%20%zz=%/a.parquet', good, ''],
  };
  for (const [name, [key, body, reason]] of Object.entries(cases)) {
    if (name === 'no partition') continue;
    it(name, async () => assert.equal(await reasonFor(createAppendWorld(), key, body), reason));
  }

  it('no partition folder, in a table that has one', async () => {
    const world = createAppendWorld({ config: { tables: [{ prefix: 'web' }] } });
    assert.equal(await reasonFor(world, 'web/a.parquet', good), 'PARTITION_MISMATCH');
  });

  it('a footer over the limit', async () => {
    const world = createAppendWorld({ config: { maxFooterBytes: 1024 } });
    const columns = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`c${index}`, 'long' as const]));
    assert.equal(await reasonFor(world, 'web/ds=1/a.parquet', withColumns(columns)), 'FOOTER_TOO_LARGE');
  });

  it('a partition value that does not fit its type', async () => {
    const config = { tables: [{ prefix: 'web', partitionColumns: [{ name: 'ds', type: 'date' }] }] };
    assert.equal(await reasonFor(createAppendWorld({ config }), 'web/ds=yesterday/a.parquet', good), 'PARTITION_VALUE');
    assert.equal(
      await reasonFor(createAppendWorld({ config }), 'web/ds=2026-02-30/a.parquet', good),
      'PARTITION_VALUE',
    );
  });

  it('a new column, where the policy is strict; not where the columns are fixed', async () => {
    const body = withColumns({ ...ROW_COLUMNS, city: 'string' });
    const strict = createAppendWorld({ config: { defaults: { schemaPolicy: 'strict' } } });
    assert.equal(await reasonFor(strict, 'web/ds=1/a.parquet', body), 'SCHEMA_CONFLICT');
    const fixed = createAppendWorld({ config: { defaults: { schemaPolicy: 'fixed' } } });
    assert.equal(await reasonFor(fixed, 'web/ds=1/a.parquet', body), '');
    assert.deepEqual(
      (await fixed.table('web')).snapshot.schema.fields.map(({ name }) => name),
      ['id', 'name', 'ds'],
    );
  });

  it('nulls in a NOT NULL column, and a missing NOT NULL column', async () => {
    for (const [body, reason] of [
      [parquet([{ id: 1 }]), 'NULL_IN_NOT_NULL'],
      [parquet([{ id: 1, name: 'x' }]), ''],
      [parquet([{ id: 1 }], { id: 'long' }), 'MISSING_REQUIRED_COLUMN'],
    ] as const) {
      const world = createAppendWorld();
      await world.deliver([await world.land('web/ds=2026-01-01/good.parquet', good)]);
      const { metadata } = (await world.table('web')).snapshot;
      const schemaString = metadata.schemaString.replace(
        '"name":"name","type":"string","nullable":true',
        '"name":"name","type":"string","nullable":false',
      );
      const protocol = { minReaderVersion: 1, minWriterVersion: 2 };
      await world.commitForeign('web', [{ protocol }, { metaData: { ...metadata, schemaString } }]);
      assert.equal(await reasonFor(world, 'web/ds=1/b.parquet', body), reason);
    }
  });
});

describe('what a table asks of its files', () => {
  const cases: Record<
    string,
    [features: string[], column: object, actions: Action[], body: Uint8Array, reason: string]
  > = {
    'a column with a default is missing': [
      ['allowColumnDefaults'],
      { CURRENT_DEFAULT: "'x'" },
      [],
      parquet([{ id: 1 }], { id: 'long' }),
      'MISSING_REQUIRED_COLUMN',
    ],
    'a column with a default is there': [['allowColumnDefaults'], { CURRENT_DEFAULT: "'x'" }, [], good, ''],
    'statistics of a clustering column are missing': [
      ['domainMetadata', 'clustering'],
      {},
      [clusteredBy('name')],
      parquet(rowsOf(0, 3), ROW_COLUMNS, { statistics: false }),
      'MISSING_STATISTICS',
    ],
    'statistics of a clustering column are there': [
      ['domainMetadata', 'clustering'],
      {},
      [clusteredBy('name')],
      good,
      '',
    ],
  };
  for (const [name, [writerFeatures, metadata, actions, body, reason]] of Object.entries(cases)) {
    it(name, async () => {
      const world = createAppendWorld();
      await world.deliver([await world.land('web/ds=2026-01-01/good.parquet', good)]);
      const { metadata: table } = (await world.table('web')).snapshot;
      const schema = JSON.parse(table.schemaString);
      schema.fields[1].metadata = metadata;
      const protocol = { minReaderVersion: 1, minWriterVersion: 7, writerFeatures };
      const metaData = { ...table, schemaString: JSON.stringify(schema) };
      await world.commitForeign('web', [{ protocol }, { metaData }, ...actions]);
      assert.equal(await reasonFor(world, 'web/ds=1/b.parquet', body), reason);
    });
  }
});

function clusteredBy(...columns: string[]): Action {
  const configuration = JSON.stringify({ clusteringColumns: columns.map((column) => [column]) });
  return { domainMetadata: { domain: 'delta.clustering', configuration, removed: false } };
}

describe('the record', () => {
  it('says all that is known of the file', async () => {
    const world = createAppendWorld();
    await reasonFor(world, 'web/ds=1/a b.parquet', withColumns({ id: 'string', name: 'string' }));
    const [record] = await world.quarantined('web');
    assert.ok(record);
    const { detail, etag, sequencer, schemaDifference, ...rest } = record;
    assert.match(detail, /id.*string.*long|id.*long.*string/s);
    assert.match(etag ?? '', /^[0-9a-f]{32}$/);
    assert.match(sequencer ?? '', /^[0-9A-F]{16}$/);
    assert.ok(Array.isArray(schemaDifference) && schemaDifference.length === 1);
    assert.deepEqual(rest, {
      reason: 'SCHEMA_CONFLICT',
      table: 's3://landing/web',
      key: 'web/ds=1/a b.parquet',
      path: 'ds=1/a b.parquet',
      size: rest.size,
      eventTime: rest.eventTime,
      quarantinedAt: rest.quarantinedAt,
    });
  });

  it('of a bad first file does not make a table', async () => {
    const world = createAppendWorld();
    assert.deepEqual(await world.deliver([await world.land('web/a.parquet', text('nothing of the kind'))]), []);
    assert.equal((await world.quarantined('web')).length, 1);
    await assert.rejects(world.table('web'), { code: 'TABLE_NOT_FOUND' });
    await world.deliver([await world.land('web/b.parquet', good)]);
    assert.equal((await world.table('web')).files.length, 1);
  });

  it('is counted', async () => {
    const world = createAppendWorld();
    await reasonFor(world, 'web/ds=1/a.parquet', text('nothing of the kind'));
    assert.deepEqual(
      world.metrics.map(({ quarantined }) => quarantined),
      [0, 1, 0],
    );
  });
});
