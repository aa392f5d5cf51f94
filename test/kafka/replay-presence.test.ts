import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Action, AddFile, Metadata } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { type DataType, type StructType, serializeSchema } from '../../src/delta/schema.ts';
import { loadSnapshot } from '../../src/delta/snapshot.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import { mayHold } from '../../src/kafka/replay/candidate-files.ts';
import { PresenceCheck, presentOffsets } from '../../src/kafka/replay/presence.ts';
import { WantedRecords } from '../../src/kafka/replay/wanted-records.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { createCountingStore } from '../support/counting-store.ts';
import { replayDeps } from './replay-world.ts';

const reader = createCheckpointReader();
const ROOT = 'bronze/web';
const tableOf = (store: ObjectStore) => ({ store, root: ROOT, url: `s3://lake/${ROOT}` });

async function present(store: ObjectStore, offsets: readonly number[], partition = 0, topic = 'web') {
  const found = await presentOffsets(await loadSnapshot(tableOf(store), reader), reader, { topic, partition, offsets });
  return [...found].sort((a, b) => a - b);
}

async function commit(world: BronzeWorld, version: number, ...actions: Action[]): Promise<void> {
  await world.store.put(commitKey(tableOf(world.store), version), serializeCommit(actions));
}

describe('the offsets that a table has', () => {
  it('are told by topic and partition, holes and all', async () => {
    const world = createBronzeWorld({ config: { topics: [{ topic: '*', table: ROOT }] } });
    await world.deliver(...kafkaRecords(0, 5), ...kafkaRecords(8, 10), ...kafkaRecords(100, 103, { partition: 7 }));
    await world.deliver(...kafkaRecords(20, 25), ...kafkaRecords(3, 5, { topic: 'other' }));
    const asked = Array.from({ length: 30 }, (_, offset) => offset);
    assert.deepEqual(await present(world.store, asked), [0, 1, 2, 3, 4, 8, 9, 20, 21, 22, 23, 24]);
    assert.deepEqual(await present(world.store, [99, 100, 102, 103], 7), [100, 102]);
    assert.deepEqual(await present(world.store, asked, 0, 'other'), [3, 4]);
    assert.deepEqual(await present(world.store, asked, 1), []);
    assert.deepEqual(await present(world.store, [], 0), []);
    assert.deepEqual(await present(world.store, [Number.MAX_SAFE_INTEGER]), []);
  });

  it('are found in the candidates among a thousand files, and no other file is asked for', async () => {
    const world = createBronzeWorld();
    for (const first of [1_000, 500_000, 2_000_000]) await world.deliver(...kafkaRecords(first, first + 10));
    const [template] = await world.adds(ROOT);
    assert.ok(template);
    // Files that are not there: to ask for one would fail.
    const others = Array.from({ length: 1_000 }, (_, index) => ({ add: elsewhere(template, index) }));
    await commit(world, 3, ...others);
    const store = createCountingStore(world.store);
    const snapshot = await loadSnapshot(tableOf(store), reader);
    store.reset();
    const offsets = [1_003, 499_999, 500_009, 2_000_010];
    const found = await presentOffsets(snapshot, reader, { topic: 'web', partition: 0, offsets });
    assert.deepEqual([...found], [1_003, 500_009]);
    const files = store.requests.filter(({ key }) => key.endsWith('.parquet'));
    // One ranged GET each: they are small. The file of 2,000,000 ends before the offset.
    assert.equal(files.length, 2);
    assert.ok(store.counts.get <= 2 + 4, `${store.counts.get} GETs`);
  });

  it('are found in every row group of a file', async () => {
    const world = createBronzeWorld();
    const schema = tableSchema();
    const rows = new RowWriter(schema);
    for (let offset = 0; offset < 1_000; offset += 2) rows.append(['web', 0, offset, undefined]);
    const body = await rows.finish({ maxRowGroupRows: 64 });
    await world.store.put(`${ROOT}/x.parquet`, body);
    await commit(world, 0, ...creation(schema), { add: fileAction('x.parquet', body.byteLength, '{}') });
    assert.deepEqual(await present(world.store, [0, 1, 126, 128, 499, 500, 998, 1_000]), [0, 126, 128, 500, 998]);
    assert.deepEqual(await present(world.store, [511, 513]), []);
  });

  it('are looked for in files without statistics', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 5));
    const [add] = await world.adds(ROOT);
    assert.ok(add);
    const { stats: _, ...bare } = add;
    for (const [index, stats] of [undefined, 'no JSON', '[]', '{"numRecords":5,"minValues":3}'].entries()) {
      await commit(world, 1 + index, {
        add: { ...bare, modificationTime: index, ...(stats !== undefined && { stats }) },
      });
      assert.deepEqual(await present(world.store, [4, 5]), [4]);
    }
  });

  it('are those of rows that a deletion vector hides, too', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 5));
    const [add] = await world.adds(ROOT);
    assert.ok(add);
    const { path, partitionValues, size } = add;
    const deletionVector = {
      storageType: 'u',
      pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
      sizeInBytes: 36,
      cardinality: 2,
    };
    const remove = { path, partitionValues, size, dataChange: true, deletionTimestamp: 1 };
    await commit(world, 1, { remove }, { add: { ...add, deletionVector } });
    assert.deepEqual(await present(world.store, [0, 4, 5]), [0, 4]);
  });

  it('are not those of files that were removed', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 5));
    await world.deliver(...kafkaRecords(5, 9));
    const [add] = await world.adds(ROOT);
    assert.ok(add);
    const { path, partitionValues, size } = add;
    await commit(world, 2, { remove: { path, partitionValues, size, dataChange: true, deletionTimestamp: 1 } });
    assert.equal((await present(world.store, [0, 1, 2, 3, 4, 5, 6, 7, 8])).length, path.includes('web-0-0-4-') ? 4 : 5);
  });

  it('are found under the physical names of mapped columns, and in the path', async () => {
    const world = createBronzeWorld();
    const physical = { topic: 'c-1', partition: 'c-2', offset: 'c-3', timestamp: 'c-4' };
    const types = { topic: 'string', partition: 'integer', offset: 'long', timestamp: 'timestamp' } as const;
    const schema = (names: Record<keyof typeof types, string>, mapped: boolean): StructType => ({
      type: 'struct',
      fields: Object.entries(types).map(([name, type], index) => ({
        name: names[name as keyof typeof types],
        type: type as DataType,
        nullable: true,
        metadata: mapped
          ? {
              'delta.columnMapping.id': index + 1,
              'delta.columnMapping.physicalName': physical[name as keyof typeof types],
            }
          : {},
      })),
    });
    const { fields } = schema(physical, false);
    const rows = new RowWriter({ type: 'struct', fields: fields.filter(({ name }) => name !== 'c-1') });
    for (const offset of [5, 6]) rows.append([3, offset, 1_000]);
    const body = await rows.finish();
    await world.store.put(`${ROOT}/x.parquet`, body);
    const metaData: Metadata = {
      id: crypto.randomUUID(),
      format: { provider: 'parquet', options: {} },
      schemaString: serializeSchema(
        schema({ topic: 'topic', partition: 'partition', offset: 'offset', timestamp: 'timestamp' }, true),
      ),
      partitionColumns: ['topic'],
      configuration: { 'delta.columnMapping.mode': 'name' },
    };
    const add: AddFile = {
      path: 'x.parquet',
      partitionValues: { 'c-1': 'web' },
      size: body.byteLength,
      modificationTime: 0,
      dataChange: true,
      stats: '{"numRecords":2,"minValues":{"c-3":5},"maxValues":{"c-3":6}}',
    };
    await commit(world, 0, { protocol: { minReaderVersion: 2, minWriterVersion: 5 } }, { metaData }, { add });
    assert.deepEqual(await present(world.store, [4, 5, 6, 7], 3), [5, 6]);
    assert.deepEqual(await present(world.store, [5], 3, 'other'), []);
  });

  it('are the same as those of a plain model', async () => {
    const place = fc.record({
      topic: fc.constantFrom('a', 'b'),
      partition: fc.integer({ min: 0, max: 2 }),
      offset: fc.integer({ min: 0, max: 40 }),
      timestamp: fc.constantFrom(undefined, 1, 2),
    });
    const batches = fc.array(fc.array(place, { minLength: 1, maxLength: 12 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(batches, fc.array(place, { minLength: 1, maxLength: 20 }), async (written, asked) => {
        const world = createBronzeWorld();
        const known = new Map<string, (number | undefined)[]>();
        const schema = tableSchema();
        for (const [version, batch] of written.entries()) {
          const rows = new RowWriter(schema);
          for (const { topic, partition, offset, timestamp } of batch) {
            rows.append([topic, partition, offset, timestamp === undefined ? undefined : timestamp * 1_000]);
            const id = `${topic}/${partition}/${offset}`;
            known.set(id, [...(known.get(id) ?? []), timestamp]);
          }
          const body = await rows.finish();
          await world.store.put(`${ROOT}/${version}.parquet`, body);
          const offsets = batch.map(({ offset }) => offset);
          const stats = { minValues: { offset: Math.min(...offsets) }, maxValues: { offset: Math.max(...offsets) } };
          const add = fileAction(`${version}.parquet`, body.byteLength, JSON.stringify(stats));
          await commit(world, version, ...(version === 0 ? creation(schema) : []), { add });
        }
        const records = asked.map((facts): KafkaRecord => kafkaRecord(facts.offset, facts));
        const check = new PresenceCheck(replayDeps(world).engine, tableOf(world.store), records);
        await check.begin();
        for (const record of records) {
          const times = known.get(`${record.topic}/${record.partition}/${record.offset}`);
          const state = times === undefined ? 'absent' : times.includes(record.timestamp) ? 'present' : 'reused';
          assert.equal(check.stateOf(record), state);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('a check that goes on with its table', () => {
  it('reads what was added since, once, and a table that comes into being', async () => {
    const world = createBronzeWorld();
    const store = createCountingStore(world.store);
    const { engine } = replayDeps(world);
    const records = kafkaRecords(0, 20);
    const check = new PresenceCheck(engine, tableOf(store), records);
    const states = () => records.filter((record) => check.stateOf(record) === 'present').length;
    let head = await check.begin();
    assert.equal(head, undefined);
    await world.deliver(...kafkaRecords(0, 4));
    head = await check.advance(head);
    assert.equal(states(), 4);
    await world.deliver(...kafkaRecords(4, 9));
    await world.deliver(...kafkaRecords(30, 33));
    store.reset();
    head = await check.advance(head);
    assert.deepEqual([states(), head?.version], [9, 2]);
    assert.equal(store.requests.filter(({ key }) => key.endsWith('.parquet')).length, 1);
    // Another table in its place.
    for await (const { key } of world.store.list(ROOT)) await world.store.delete(key);
    world.coldStart();
    await world.deliver(...kafkaRecords(10, 12));
    await check.advance(head);
    assert.deepEqual([check.stateOf(kafkaRecord(11)), check.stateOf(kafkaRecord(0))], ['present', 'absent']);
  });
});

describe('statistics', () => {
  const columns = {
    topic: { kind: 'file', column: 'topic' },
    partition: { kind: 'file', column: 'partition' },
    offset: 'offset',
    timestamp: undefined,
  } as const;
  const wanted = new WantedRecords([kafkaRecord(10), kafkaRecord(20), kafkaRecord(5, { topic: 'zoo', partition: 4 })]);
  const cases: readonly (readonly [boolean, object, object])[] = [
    [true, { offset: 10 }, { offset: 10 }],
    [false, { offset: 11 }, { offset: 19 }],
    [true, { offset: 11 }, { offset: 20 }],
    [false, { offset: 21 }, {}],
    [true, {}, { offset: 5 }],
    [false, {}, { offset: 4 }],
    [false, { offset: 5, partition: 5 }, { offset: 5, partition: 9 }],
    [false, { offset: 5, topic: 'web' }, { offset: 9, topic: 'web' }],
    [true, { offset: 5, topic: 'web' }, { offset: 9, topic: 'zoo' }],
    [false, { offset: 10, topic: 'x' }, { offset: 10, topic: 'zoo' }],
    [true, { offset: 10, topic: 'a' }, { offset: 10, topic: 'we\u{10ffff}' }],
  ];
  for (const [expected, minValues, maxValues] of cases) {
    it(`${expected ? 'leave' : 'rule out'} a file from ${JSON.stringify(minValues)} to ${JSON.stringify(maxValues)}`, () => {
      const add = fileAction('x', 1, JSON.stringify({ minValues, maxValues }));
      assert.equal(mayHold(add, columns, wanted), expected);
    });
  }
});

/** A file that is not there, with offsets that nobody looks for. */
function elsewhere(template: AddFile, index: number): AddFile {
  const offsets = { min: 3_000_000 + index * 10, max: 3_000_009 + index * 10 };
  const bounds = (offset: number) => ({ topic: 'web', partition: 0, offset });
  const stats = JSON.stringify({ numRecords: 10, minValues: bounds(offsets.min), maxValues: bounds(offsets.max) });
  return { ...template, path: `ingest_date=2026-11-24/none-${index}.parquet`, stats };
}

function fileAction(path: string, size: number, stats: string): AddFile {
  return { path, partitionValues: {}, size, modificationTime: 0, dataChange: true, stats };
}

function tableSchema(): StructType {
  const types = { topic: 'string', partition: 'integer', offset: 'long', timestamp: 'timestamp' } as const;
  const fields = Object.entries(types).map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
  return { type: 'struct', fields };
}

function creation(schema: StructType): Action[] {
  const metaData: Metadata = {
    id: crypto.randomUUID(),
    format: { provider: 'parquet', options: {} },
    schemaString: serializeSchema(schema),
    partitionColumns: [],
    configuration: {},
  };
  return [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData }];
}
