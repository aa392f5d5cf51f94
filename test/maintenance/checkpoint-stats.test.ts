import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Action } from '../../src/delta/actions.ts';
import { logKey, versionName } from '../../src/delta/log-path.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { parseFooter } from '../../src/parquet/footer.ts';
import { add, type CountedLog, createCountedLog, metaData, protocol } from '../support/delta-log-builder.ts';
import { checkpointState, engineAt } from './checkpoint-world.ts';

const engine = engineAt();
const AS_STRUCT = { 'delta.checkpoint.writeStatsAsStruct': 'true' };
const STRUCT_ONLY = { ...AS_STRUCT, 'delta.checkpoint.writeStatsAsJson': 'false' };

describe('the statistics in a checkpoint', () => {
  const columns: readonly (readonly [properties: Record<string, string>, found: readonly string[]])[] = [
    [{}, ['stats']],
    [AS_STRUCT, ['stats', 'stats_parsed']],
    [STRUCT_ONLY, ['stats_parsed']],
    [{ 'delta.checkpoint.writeStatsAsJson': 'false' }, ['stats_parsed']],
    [{ 'delta.checkpoint.writeStatsAsStruct': 'false' }, ['stats']],
    [{ ...STRUCT_ONLY, 'delta.checkpoint.writeStatsAsStruct': 'false' }, []],
  ];
  for (const [properties, found] of columns) {
    it(`stand in ${found.join(' and ') || 'no column'} with ${JSON.stringify(properties)}`, async () => {
      const log = await tableOf([field('id', 'long')], properties, '{"numRecords":1,"minValues":{"id":5}}');
      await checkpointTable(engine, log.table);
      const names = new Set((await leaves(log)).map(([path]) => path.split('.')[1] ?? ''));
      assert.deepEqual(
        [...names].filter((name) => name.startsWith('stats')),
        found,
      );
    });
  }

  /** A value of each type in JSON, in the column as hyparquet reads it, and in the JSON that comes back if it is another. */
  const values: readonly (readonly [type: string, json: string, typed: unknown, back?: string])[] = [
    ['long', '9223372036854775807', 9223372036854775807n],
    ['long', '-9007199254740993', -9007199254740993n],
    ['integer', '-2147483648', -2147483648],
    ['short', '300', 300],
    ['byte', '-128', -128],
    ['double', '1.7976931348623157E308', Number.MAX_VALUE, '1.7976931348623157e+308'],
    ['double', '-0.0', -0],
    ['float', '0.1', Math.fround(0.1)],
    ['string', '"é\\"\\\\\\n"', 'é"\\\n'],
    ['date', '"2026-02-28"', new Date('2026-02-28')],
    ['date', '"0001-01-01"', new Date('0001-01-01')],
    ['timestamp', '"2026-02-28T23:59:59.999Z"', new Date('2026-02-28T23:59:59.999Z')],
    [
      'timestamp',
      '"2026-02-28T01:02:03.004-08:00"',
      new Date('2026-02-28T09:02:03.004Z'),
      '"2026-02-28T09:02:03.004Z"',
    ],
    ['timestamp', '"1969-12-31T23:59:59.999Z"', new Date('1969-12-31T23:59:59.999Z')],
    ['timestamp_ntz', '"2026-02-28T23:59:59.999"', new Date('2026-02-28T23:59:59.999Z')],
    ['decimal(5,2)', '12.50', 12.5],
    ['decimal(20,3)', '-12345678901234567.891', -12345678901234568],
    ['decimal(38,0)', '99999999999999999999999999999999999999', 1e38],
  ];
  for (const [type, json, typed, back = json] of values) {
    it(`keep ${json} of type ${type}`, async () => {
      const stats = `{"numRecords":3,"minValues":{"c":${json}},"maxValues":{"c":${json}},"nullCount":{"c":0}}`;
      const log = await tableOf([field('c', type)], STRUCT_ONLY, stats);
      await checkpointTable(engine, log.table);
      const [row] = await rows(log);
      assert.deepEqual(row?.stats_parsed, {
        numRecords: 3n,
        minValues: { c: typed },
        maxValues: { c: typed },
        nullCount: { c: 0n },
      });
      const expected = `{"numRecords":3,"minValues":{"c":${back}},"maxValues":{"c":${back}},"nullCount":{"c":0}}`;
      assert.equal(await statsOf(log), expected);

      // What only the struct has is not lost with the next one.
      await log.commit(metaDataOf([field('c', type)], {}));
      await checkpointTable(engine, log.table);
      assert.equal(await statsOf(log), expected);
    });
  }

  it('leave out what is no value of its type, and columns that have none', async () => {
    const fields = [
      field('id', 'integer'),
      field('day', 'date'),
      field('list', { type: 'array', elementType: 'long', containsNull: true }),
      field('flag', 'boolean'),
      field('s', { type: 'struct', fields: [field('x', 'long'), field('y', 'string')] }),
    ];
    const stats = {
      numRecords: 4,
      minValues: { id: 3_000_000_000, day: '2026-02-30', s: { x: 1, y: 7 }, unknown: 1 },
      maxValues: { id: 'x', day: '2026-03-01', s: { y: 'z' } },
      nullCount: { id: 1, list: 2, flag: 3, s: { x: 4, y: 0 } },
      tightBounds: true,
    };
    const log = await tableOf(fields, STRUCT_ONLY, JSON.stringify(stats));
    await checkpointTable(engine, log.table);
    assert.deepEqual(JSON.parse((await statsOf(log)) ?? ''), {
      numRecords: 4,
      minValues: { s: { x: 1 } },
      maxValues: { day: '2026-03-01', s: { y: 'z' } },
      nullCount: { id: 1, list: 2, flag: 3, s: { x: 4, y: 0 } },
    });
  });

  it('may be missing, or be no JSON', async () => {
    for (const stats of [undefined, '', '{"numRecords":', '[]', 'null', '7']) {
      const log = await tableOf([field('id', 'long')], AS_STRUCT, stats);
      await checkpointTable(engine, log.table);
      const [row] = await rows(log);
      assert.equal(row?.stats_parsed ?? undefined, undefined, stats);
      assert.equal(await statsOf(log), stats);
    }
  });

  it('stand under the names of the columns in files', async () => {
    const mapped = {
      ...field('shown', 'long'),
      metadata: { 'delta.columnMapping.id': 1, 'delta.columnMapping.physicalName': 'col-1' },
    };
    const stats = '{"numRecords":1,"minValues":{"col-1":5},"nullCount":{"col-1":0}}';
    const log = await tableOf([mapped], { ...STRUCT_ONLY, 'delta.columnMapping.mode': 'name' }, stats);
    await checkpointTable(engine, log.table);
    assert.equal(await statsOf(log), stats);
  });

  it('are those of the columns that have statistics by the properties of the table', async () => {
    const fields = [field('a', 'long'), field('b', 'long'), field('c', 'long')];
    const stats = '{"numRecords":1,"minValues":{"a":1,"b":2,"c":3}}';
    for (const [property, kept] of [
      [{ 'delta.dataSkippingNumIndexedCols': '1' }, '{"a":1}'],
      [{ 'delta.dataSkippingStatsColumns': 'b,c' }, '{"b":2,"c":3}'],
    ] as const) {
      const log = await tableOf(fields, { ...STRUCT_ONLY, ...property }, stats);
      await checkpointTable(engine, log.table);
      assert.equal(await statsOf(log), `{"numRecords":1,"minValues":${kept}}`);
    }
  });
});

describe('the parsed partition values in a checkpoint', () => {
  const values: readonly (readonly [type: string, text: string | null, typed: unknown])[] = [
    ['string', 'x y', 'x y'],
    ['string', '', null],
    ['integer', null, null],
    ['integer', '7', 7],
    ['integer', 'seven', null],
    ['long', '9007199254740993', 9007199254740993n],
    ['boolean', 'true', true],
    ['date', '2026-01-02', new Date('2026-01-02')],
    ['timestamp', '2026-01-02 03:04:05.678', new Date('2026-01-02T03:04:05.678Z')],
    ['timestamp', '2026-01-02T03:04:05.678901Z', new Date('2026-01-02T03:04:05.678Z')],
    ['decimal(5,2)', '1.5', 1.5],
    ['double', '-1.5', -1.5],
  ];
  for (const [type, text, typed] of values) {
    it(`have ${JSON.stringify(text)} as ${type}`, async () => {
      const log = createCountedLog();
      const partitioned = metaDataOf([field('id', 'long'), field('p', type)], AS_STRUCT, ['p']);
      await log.commit(protocol(), partitioned, add('a', { partitionValues: { p: text } }));
      await checkpointTable(engine, log.table);
      const [row] = await rows(log);
      assert.deepEqual(row?.partitionValues_parsed ?? { p: null }, { p: typed });
    });
  }

  it('are not there without partitions, nor without statistics as structs', async () => {
    for (const [properties, partitions] of [
      [AS_STRUCT, []],
      [{}, ['p']],
    ] as const) {
      const log = createCountedLog();
      await log.commit(protocol(), metaDataOf([field('p', 'long')], properties, [...partitions]), add('a'));
      await checkpointTable(engine, log.table);
      assert.ok(!(await leaves(log)).some(([path]) => path.startsWith('add.partitionValues_parsed')));
    }
  });
});

function field(name: string, type: unknown) {
  return { name, type, nullable: true, metadata: {} };
}

function metaDataOf(
  fields: readonly object[],
  configuration: Record<string, string>,
  partitionColumns: string[] = [],
): Action {
  return metaData({ schemaString: JSON.stringify({ type: 'struct', fields }), configuration, partitionColumns });
}

async function tableOf(
  fields: readonly object[],
  configuration: Record<string, string>,
  stats: string | undefined,
): Promise<CountedLog> {
  const log = createCountedLog();
  const file = add('a', stats === undefined ? {} : { stats });
  await log.commit(protocol({ minReaderVersion: 2, minWriterVersion: 5 }), metaDataOf(fields, configuration), file);
  return log;
}

/** The `stats` of the one file, as our reader makes them. */
async function statsOf(log: CountedLog): Promise<string | undefined> {
  const { adds } = await checkpointState(log.table);
  return (adds[0] as [string, { stats?: string }])[1].stats;
}

async function bytesOf(log: CountedLog): Promise<Uint8Array> {
  return (await log.store.get(logKey(log.table, `${versionName(0)}.checkpoint.parquet`))).body;
}

/** The leaf columns of the first checkpoint with their physical types. */
async function leaves(log: CountedLog): Promise<[path: string, physical: string][]> {
  return parseFooter(await bytesOf(log)).columns.map(({ path, physical }) => [path.join('.'), physical]);
}

/** The adds of the first checkpoint, as another reader sees them. */
async function rows(log: CountedLog): Promise<Record<string, unknown>[]> {
  const bytes = await bytesOf(log);
  const file = new Uint8Array(bytes).buffer;
  const found = await parquetReadObjects({ file, compressors, columns: ['add'] });
  return found.flatMap(({ add }) => (add === null || add === undefined ? [] : [add as Record<string, unknown>]));
}
