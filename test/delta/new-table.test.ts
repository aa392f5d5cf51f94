import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Metadata, Protocol } from '../../src/delta/actions.ts';
import { type NewTable, newTableActions } from '../../src/delta/new-table.ts';
import { type DataType, parseSchema, type StructField } from '../../src/delta/schema.ts';

const field = (name: string, type: DataType): StructField => ({ name, type, nullable: true, metadata: {} });

const TABLE: NewTable = {
  schema: {
    type: 'struct',
    fields: [
      field('id', 'long'),
      field('s', { type: 'array', elementType: { type: 'struct', fields: [field('x', 'date')] }, containsNull: true }),
      field('day', 'date'),
    ],
  },
  partitionColumns: ['day'],
  configuration: {},
  id: '7d3a2f6c-1111-4222-8333-944445555666',
  createdTime: 1_700_000_000_000,
};

function create(changes: Partial<NewTable> = {}): { protocol: Protocol; metaData: Metadata } {
  const [first, second, ...rest] = newTableActions({ ...TABLE, ...changes });
  assert.ok(first !== undefined && 'protocol' in first);
  assert.ok(second !== undefined && 'metaData' in second);
  assert.deepEqual(rest, []);
  return { protocol: first.protocol, metaData: second.metaData };
}

const withColumn = (name: string, type: DataType) => ({
  schema: { ...TABLE.schema, fields: [...TABLE.schema.fields, field(name, type)] },
});

describe('a new table', () => {
  it('has the lowest protocol, and metadata without what was not given', () => {
    const { protocol, metaData } = create();
    assert.deepEqual(protocol, { minReaderVersion: 1, minWriterVersion: 2 });
    assert.deepEqual(Object.keys(metaData), [
      'id',
      'format',
      'schemaString',
      'partitionColumns',
      'configuration',
      'createdTime',
    ]);
    assert.deepEqual(metaData.format, { provider: 'parquet', options: {} });
    assert.deepEqual(parseSchema(metaData.schemaString), TABLE.schema);
    assert.deepEqual(metaData.partitionColumns, ['day']);
    assert.equal(metaData.id, TABLE.id);
    assert.equal(metaData.createdTime, TABLE.createdTime);
  });

  it('has its name, its comment and its properties', () => {
    const configuration = { 'delta.appendOnly': 'true', 'delta.checkpointInterval': '50', 'owner.team': 'sales' };
    const { protocol, metaData } = create({ name: 'orders', description: 'All orders', configuration });
    assert.equal(metaData.name, 'orders');
    assert.equal(metaData.description, 'All orders');
    assert.deepEqual(metaData.configuration, configuration);
    assert.deepEqual(protocol, { minReaderVersion: 1, minWriterVersion: 2 });
  });

  it('has the comments of its columns in their metadata, and leaves out those of others', () => {
    const { metaData } = create({ columnComments: { id: 'The key', 's.element.x': 'A day', other: 'Not there yet' } });
    const [id, s, day] = parseSchema(metaData.schemaString).fields;
    assert.deepEqual(id?.metadata, { comment: 'The key' });
    assert.deepEqual(day?.metadata, {});
    assert.match(JSON.stringify(s), /"name":"x","type":"date","nullable":true,"metadata":\{"comment":"A day"\}/);
  });

  it('has the features that its columns and properties need', () => {
    const ntz = create(withColumn('at', 'timestamp_ntz')).protocol;
    assert.equal(ntz.minReaderVersion, 3);
    assert.ok(ntz.readerFeatures?.includes('timestampNtz') && ntz.writerFeatures?.includes('timestampNtz'));
    const ict = create({ configuration: { 'delta.enableInCommitTimestamps': 'true' } }).protocol;
    assert.equal(ict.minWriterVersion, 7);
    assert.ok(ict.writerFeatures?.includes('inCommitTimestamp'));
  });

  it('takes features by property, and does not keep the property', () => {
    const { protocol, metaData } = create({ configuration: { 'delta.feature.vacuumProtocolCheck': 'supported' } });
    assert.ok(protocol.writerFeatures?.includes('vacuumProtocolCheck'));
    assert.deepEqual(metaData.configuration, {});
  });
});

describe('columns of a new table', () => {
  const refused: readonly (readonly [what: string, changes: Partial<NewTable>, message: RegExp])[] = [
    ['names that differ in case', withColumn('ID', 'long'), /"id" and "ID"/],
    ['a name that is not legal', withColumn('a b', 'long'), /column "a b" has a name/],
    [
      'a nested name that is not legal',
      withColumn('t', { type: 'struct', fields: [field('a=b', 'long')] }),
      /"t\.a=b"/,
    ],
    ['a partition column that is not there', { partitionColumns: ['month'] }, /"month" is not in the schema/],
    ['a partition column in another case', { partitionColumns: ['Day'] }, /"Day" is not in the schema/],
    ['a nested partition column', { partitionColumns: ['s.x'] }, /"s\.x" is not in the schema/],
    ['a partition column twice', { partitionColumns: ['day', 'day'] }, /"day" is named twice/],
    ['a partition column of a nested type', { partitionColumns: ['s'] }, /"s" of type array<struct<x: date>> cannot/],
    ['only partition columns', { schema: { type: 'struct', fields: [field('day', 'date')] } }, /no columns beside/],
    ['no columns', { schema: { type: 'struct', fields: [] }, partitionColumns: [] }, /no columns beside/],
  ];
  for (const [what, changes, message] of refused) {
    it(`cannot be ${what}`, () => {
      assert.throws(() => newTableActions({ ...TABLE, ...changes }), { code: 'INVALID_SCHEMA', message });
    });
  }

  it('cannot be of a type that we could not append', () => {
    assert.throws(() => newTableActions({ ...TABLE, ...withColumn('v', 'variant') }), { code: 'UNSUPPORTED_WRITER' });
  });
});

describe('properties of a new table', () => {
  const accepted: readonly (readonly [key: string, value: string])[] = [
    ['delta.logRetentionDuration', 'interval 30 days'],
    ['delta.deletedFileRetentionDuration', '2 weeks 3 hours'],
    ['delta.dataSkippingNumIndexedCols', '-1'],
    ['delta.dataSkippingStatsColumns', 'id, `s`'],
    ['delta.checkpointPolicy', 'v2'],
    ['delta.columnMapping.mode', 'none'],
    ['delta.setTransactionRetentionDuration', 'interval 90 days'],
    ['owner', ''],
    ['deltas.are', 'free'],
  ];
  for (const [key, value] of accepted) {
    it(`can be ${key}=${value}`, () => {
      assert.equal(create({ configuration: { [key]: value } }).metaData.configuration[key], value);
    });
  }

  const refused: readonly (readonly [key: string, value: string, message: RegExp])[] = [
    ['delta.appendOnly', 'yes', /"delta.appendOnly" is "yes", expected "true" or "false"/],
    ['delta.appendonly', 'true', /"delta.appendonly" is not known; it is spelled "delta.appendOnly"/],
    ['Delta.appendOnly', 'true', /is not known; it is spelled "delta.appendOnly"/],
    ['delta.appendOnyl', 'true', /"delta.appendOnyl" is not known$/],
    ['delta.constructor', 'true', /is not known$/],
    ['delta.minReaderVersion', '3', /is not known$/],
    ['delta.constraints.c', 'id > 0', /is not known$/],
    ['delta.checkpointInterval', '0', /expected an integer of 1 or more/],
    ['delta.checkpointInterval', '10.5', /expected an integer of 1 or more/],
    ['delta.checkpointInterval', '9999999999', /expected an integer of 1 or more/],
    ['delta.dataSkippingNumIndexedCols', '-2', /expected an integer of -1 or more/],
    ['delta.logRetentionDuration', '30', /expected an interval/],
    ['delta.logRetentionDuration', 'interval 1 month', /expected an interval/],
    ['delta.columnMapping.mode', 'name', /expected "none"/],
    ['delta.checkpointPolicy', 'V3', /expected "classic" or "v2"/],
    ['delta.feature.appendOnly', 'yes', /expected "supported" or "enabled"/],
    ['delta.feature.catalogManaged', 'supported', /catalogManaged \(not supported\)/],
    ['delta.enableRowTracking', 'true', /is not known$/],
  ];
  for (const [key, value, message] of refused) {
    it(`cannot be ${key}=${value}`, () => {
      const table = { ...TABLE, configuration: { [key]: value } };
      assert.throws(() => newTableActions(table), { code: 'UNSUPPORTED_WRITER', message });
    });
  }
});
