import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Protocol } from '../../src/delta/actions.ts';
import { type DeltaErrorCode, isDeltaError } from '../../src/delta/errors.ts';
import {
  assertReadable,
  assertWritable,
  clusteringColumns,
  columnsWithDefault,
  hasInCommitTimestamps,
  hasTypeWidening,
  isAppendOnly,
  protocolForNewTable,
  supportsFeature,
  upgradeProtocol,
} from '../../src/delta/features.ts';
import type { DataType, StructField, StructType } from '../../src/delta/schema.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';

const table = { store: createMemoryStore(), root: 't', url: 's3://bucket/t' };
type Configuration = Readonly<Record<string, string>>;

describe('assertReadable', () => {
  it('takes the versions 1 to 3, and refuses others by name', () => {
    for (const minReaderVersion of [1, 2, 3]) assertReadable({ minReaderVersion, minWriterVersion: 7 }, table);
    for (const minReaderVersion of [0, 4, 99, 1.5]) {
      const read = () => assertReadable({ minReaderVersion, minWriterVersion: 7 }, table);
      throws(read, 'UNSUPPORTED_READER', new RegExp(`s3://bucket/t needs reader version ${minReaderVersion}`));
    }
  });

  const readable = [
    'columnMapping',
    'deletionVectors',
    'timestampNtz',
    'v2Checkpoint',
    'vacuumProtocolCheck',
    'typeWidening',
    'typeWidening-preview',
    'variantType',
    'variantType-preview',
    'variantShredding',
    'variantShredding-preview',
  ];
  for (const feature of readable) it(`takes ${feature}`, () => assertReadable(listing([feature]), table));

  const unreadable = [
    'catalogManaged',
    'catalogOwned-preview',
    'redirectReaderWriter-preview',
    'adaptiveMetadata-preview',
    'geospatial',
    'constructor',
    '__proto__',
    'fromMars',
  ];
  for (const feature of unreadable) {
    it(`refuses ${feature}`, () => {
      throws(() => assertReadable(listing([feature]), table), 'UNSUPPORTED_READER', new RegExp(feature));
    });
  }

  it('does not mind features that are for writers alone', () => {
    assertReadable(listing([], ['fromMars', 'rowTracking']), table);
  });
});

/** Every feature of delta-rules.md section 5: tables to which we may write, and tables that are refused, with the reason. */
const RULES: readonly (readonly [
  feature: string,
  allowed: readonly TableSketch[],
  refused: readonly (readonly [reason: RegExp, table: TableSketch])[],
])[] = [
  ['appendOnly', [{}, { configuration: { 'delta.appendOnly': 'true' } }], []],
  [
    'invariants',
    [{}, { fields: [field('id', 'long', {}, false)] }],
    [
      [/a column has an invariant/, { fields: [field('id', 'long', { 'delta.invariants': '{}' })] }],
      [/invariant/, { fields: nestings(field('id', 'long', { 'delta.invariants': '{}' })).struct }],
      [/invariant/, { fields: nestings(field('id', 'long', { 'delta.invariants': '{}' })).array }],
      [/invariant/, { fields: nestings(field('id', 'long', { 'delta.invariants': '{}' })).map }],
    ],
  ],
  ['checkConstraints', [{}], [[/CHECK/, { configuration: { 'delta.constraints.positive': 'id > 0' } }]]],
  ['changeDataFeed', [{}, { configuration: { 'delta.enableChangeDataFeed': 'true' } }], []],
  [
    'generatedColumns',
    [{}],
    [[/generated/, { fields: [field('id', 'long', { 'delta.generationExpression': 'x + 1' })] }]],
  ],
  [
    'columnMapping',
    [{}, { configuration: { 'delta.columnMapping.mode': 'none' } }],
    [
      [/mapped/, { configuration: { 'delta.columnMapping.mode': 'name' } }],
      [/mapped/, { configuration: { 'delta.columnMapping.mode': 'id' } }],
    ],
  ],
  ['identityColumns', [{}], [[/identity/, { fields: [field('id', 'long', { 'delta.identity.start': 1 })] }]]],
  [
    'allowColumnDefaults',
    [{}, { fields: [field('id', 'long', { CURRENT_DEFAULT: '1' })] }],
    [[/nested column has a default/, { fields: nestings(field('id', 'long', { CURRENT_DEFAULT: '1' })).struct }]],
  ],
  ['deletionVectors', [{}, { configuration: { 'delta.enableDeletionVectors': 'true' } }], []],
  [
    'rowTracking',
    [{ configuration: { 'delta.rowTrackingSuspended': 'true' } }],
    [
      [/ids/, {}],
      [/ids/, { configuration: { 'delta.enableRowTracking': 'true' } }],
    ],
  ],
  ['domainMetadata', [{}], []],
  ['v2Checkpoint', [{}, { configuration: { 'delta.checkpointPolicy': 'v2' } }], []],
  ['inCommitTimestamp', [{}, { configuration: { 'delta.enableInCommitTimestamps': 'true' } }], []],
  ['timestampNtz', [{}, { fields: [field('t', 'timestamp_ntz')] }], []],
  ['variantType', [{}], [[/variant/, { fields: [field('v', 'variant')] }]]],
  ['variantType-preview', [{}], [[/variant/, { fields: nestings(field('v', 'variant')).map }]]],
  ['variantShredding', [{}], [[/shredded/, { configuration: { 'delta.enableVariantShredding': 'true' } }]]],
  ['variantShredding-preview', [{}], [[/shredded/, { configuration: { 'delta.enableVariantShredding': 'true' } }]]],
  ['typeWidening', [{}, { configuration: { 'delta.enableTypeWidening': 'true' } }], []],
  ['typeWidening-preview', [{}, { configuration: { 'delta.enableTypeWidening': 'true' } }], []],
  ['icebergCompatV1', [{}], [[/IcebergCompatV1/, { configuration: { 'delta.enableIcebergCompatV1': 'true' } }]]],
  ['icebergCompatV2', [{}], [[/IcebergCompatV2/, { configuration: { 'delta.enableIcebergCompatV2': 'true' } }]]],
  ['icebergCompatV3', [{}], [[/IcebergCompatV3/, { configuration: { 'delta.enableIcebergCompatV3': 'true' } }]]],
  [
    'icebergWriterCompatV1',
    [{}],
    [[/WriterCompatV1/, { configuration: { 'delta.enableIcebergWriterCompatV1': 'true' } }]],
  ],
  [
    'icebergWriterCompatV3',
    [{}],
    [[/WriterCompatV3/, { configuration: { 'delta.enableIcebergWriterCompatV3': 'true' } }]],
  ],
  ['materializePartitionColumns', [{}], [[/must hold their partition columns/, { partitionColumns: ['id'] }]]],
  ['clustering', [{}], []],
  ['vacuumProtocolCheck', [{}], []],
  ['checkpointProtection', [{}], []],
  ...[
    'catalogManaged',
    'catalogOwned-preview',
    'coordinatedCommits-preview',
    'redirectReaderWriter-preview',
    'redirectWriterOnly-preview',
    'adaptiveMetadata-preview',
    'geospatial',
    'collations',
    'constructor',
    'fromMars',
  ].map((name) => [name, [], [[/not supported/, {}]]] as const),
];

describe('assertWritable', () => {
  for (const [feature, allowed, refused] of RULES) {
    for (const sketch of allowed) {
      it(`lets files be added to a table with ${feature} and ${describeSketch(sketch)}`, () => {
        write(listing([], [feature]), sketch);
      });
    }
    for (const [reason, sketch] of refused) {
      it(`refuses ${feature} with ${describeSketch(sketch)}, by name and reason`, () => {
        const error = throws(() => write(listing([], [feature]), sketch), 'UNSUPPORTED_WRITER', reason);
        assert.deepEqual(error.data.features, [feature]);
        assert.ok(error.message.includes(`${feature} (`) && error.message.includes(table.url), error.message);
      });
    }
  }

  it('names all features that are in the way', () => {
    const error = throws(() => write(listing([], ['fromMars', 'appendOnly', 'rowTracking']), {}), 'UNSUPPORTED_WRITER');
    assert.deepEqual(error.data.features, ['fromMars', 'rowTracking']);
  });

  it('refuses what cannot be read', () => {
    throws(() => write(listing(['fromMars']), {}), 'UNSUPPORTED_READER');
  });

  it('refuses other writer versions than 1 to 7', () => {
    for (const minWriterVersion of [1, 2, 3, 4, 5, 6, 7]) write({ minReaderVersion: 1, minWriterVersion }, {});
    for (const minWriterVersion of [0, 8, 2.5]) {
      throws(() => write({ minReaderVersion: 1, minWriterVersion }, {}), 'UNSUPPORTED_WRITER', /needs writer version/);
    }
  });

  const implied: readonly (readonly [writerVersion: number, feature: string, sketch: TableSketch])[] = [
    [2, 'invariants', { fields: [field('id', 'long', { 'delta.invariants': '{}' })] }],
    [3, 'checkConstraints', { configuration: { 'delta.constraints.c': 'id > 0' } }],
    [4, 'generatedColumns', { fields: [field('id', 'long', { 'delta.generationExpression': '1' })] }],
    [5, 'columnMapping', { configuration: { 'delta.columnMapping.mode': 'name' } }],
    [6, 'identityColumns', { fields: [field('id', 'long', { 'delta.identity.start': 1 })] }],
  ];
  for (const [version, feature, sketch] of implied) {
    it(`heeds ${feature} from writer version ${version} on, and with version 7 only if it is listed`, () => {
      for (let minWriterVersion = 1; minWriterVersion <= 6; minWriterVersion++) {
        const attempt = () => write({ minReaderVersion: 2, minWriterVersion }, sketch);
        if (minWriterVersion < version) attempt();
        else throws(attempt, 'UNSUPPORTED_WRITER', new RegExp(feature));
      }
      write(listing([], ['appendOnly']), sketch);
      throws(() => write(listing([], [feature]), sketch), 'UNSUPPORTED_WRITER', new RegExp(feature));
    });
  }
});

describe('protocolForNewTable', () => {
  const cases: readonly (readonly [what: string, sketch: TableSketch, protocol: Protocol])[] = [
    ['a plain table', {}, { minReaderVersion: 1, minWriterVersion: 2 }],
    ['properties without a feature', { configuration: { 'delta.checkpointInterval': '5', owner: 'x' } }, legacy(1, 2)],
    ['delta.appendOnly', { configuration: { 'delta.appendOnly': 'true' } }, legacy(1, 2)],
    ['a feature that is turned off', { configuration: { 'delta.enableDeletionVectors': 'false' } }, legacy(1, 2)],
    ['delta.enableChangeDataFeed', { configuration: { 'delta.enableChangeDataFeed': 'true' } }, legacy(1, 4)],
    ['timestamp_ntz', { fields: [field('t', 'timestamp_ntz')] }, fullList(['timestampNtz'])],
    ['a nested timestamp_ntz', { fields: nestings(field('t', 'timestamp_ntz')).map }, fullList(['timestampNtz'])],
    [
      'timestamp_ntz and change data feed',
      { fields: [field('t', 'timestamp_ntz')], configuration: { 'delta.enableChangeDataFeed': 'true' } },
      fullList(['timestampNtz'], ['changeDataFeed']),
    ],
    [
      'in-commit timestamps',
      { configuration: { 'delta.enableInCommitTimestamps': 'true' } },
      { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['appendOnly', 'invariants', 'inCommitTimestamp'] },
    ],
    ['deletion vectors', { configuration: { 'delta.enableDeletionVectors': 'true' } }, fullList(['deletionVectors'])],
    ['type widening', { configuration: { 'delta.enableTypeWidening': 'true' } }, fullList(['typeWidening'])],
    ['V2 checkpoints', { configuration: { 'delta.checkpointPolicy': 'v2' } }, fullList(['v2Checkpoint'])],
    [
      'a feature that is asked for',
      { configuration: { 'delta.feature.vacuumProtocolCheck': 'supported' } },
      fullList(['vacuumProtocolCheck']),
    ],
    [
      'a legacy feature that is asked for',
      { configuration: { 'delta.feature.checkConstraints': 'supported' } },
      legacy(1, 3),
    ],
  ];
  for (const [what, sketch, expected] of cases) {
    it(`for ${what}`, () => {
      const { schema, configuration } = toTable(sketch);
      const protocol = protocolForNewTable({ schema, configuration });
      assert.deepEqual(sorted(protocol), sorted(expected));
      write(protocol, sketch);
    });
  }

  const refused: readonly (readonly [RegExp, TableSketch])[] = [
    [/variantType/, { fields: [field('v', 'variant')] }],
    [/columnMapping/, { configuration: { 'delta.columnMapping.mode': 'name' } }],
    [/rowTracking/, { configuration: { 'delta.enableRowTracking': 'true' } }],
    [/rowTracking/, { configuration: { 'delta.feature.rowTracking': 'supported' } }],
    [/checkConstraints/, { configuration: { 'delta.constraints.c': 'id > 0' } }],
    [/icebergCompatV2/, { configuration: { 'delta.enableIcebergCompatV2': 'true' } }],
    [/variantShredding/, { configuration: { 'delta.enableVariantShredding': 'true' } }],
    [/fromMars \(not supported\)/, { configuration: { 'delta.feature.fromMars': 'supported' } }],
    [/identityColumns/, { fields: [field('id', 'long', { 'delta.identity.start': 1 })] }],
  ];
  for (const [reason, sketch] of refused) {
    it(`refuses ${describeSketch(sketch)}`, () => {
      const { schema, configuration } = toTable(sketch);
      throws(() => protocolForNewTable({ schema, configuration }), 'UNSUPPORTED_WRITER', reason);
    });
  }
});

describe('upgradeProtocol', () => {
  const ntz = toTable({ fields: [field('t', 'timestamp_ntz')] }).schema;

  it('is the same object when the protocol holds the schema', () => {
    const old = legacy(1, 2);
    assert.equal(upgradeProtocol({ protocol: old, schema: toTable({}).schema }), old);
    const listed = listing(['timestampNtz']);
    assert.equal(upgradeProtocol({ protocol: listed, schema: ntz }), listed);
  });

  const cases: readonly (readonly [from: Protocol, to: Protocol])[] = [
    [legacy(1, 1), fullList(['timestampNtz'], [], [])],
    [legacy(1, 2), fullList(['timestampNtz'])],
    [legacy(1, 4), fullList(['timestampNtz'], ['checkConstraints', 'changeDataFeed', 'generatedColumns'])],
    [legacy(1, 5), fullList(['timestampNtz'], ['checkConstraints', 'changeDataFeed', 'generatedColumns'])],
    [
      legacy(2, 5),
      fullList(['columnMapping', 'timestampNtz'], ['checkConstraints', 'changeDataFeed', 'generatedColumns']),
    ],
    [
      { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['domainMetadata'] },
      fullList(['timestampNtz'], ['domainMetadata'], []),
    ],
    [listing(['deletionVectors']), fullList(['deletionVectors', 'timestampNtz'], [], [])],
  ];
  for (const [from, to] of cases) {
    it(`adds timestampNtz to ${JSON.stringify(from)}`, () => {
      assert.deepEqual(sorted(upgradeProtocol({ protocol: from, schema: ntz })), sorted(to));
    });
  }

  it('refuses columns that we could not write', () => {
    const { schema } = toTable({ fields: [field('v', 'variant')] });
    throws(() => upgradeProtocol({ protocol: legacy(1, 2), schema }), 'UNSUPPORTED_WRITER', /variantType/);
  });
});

describe('what a table asks of its writers', () => {
  const on = (key: string) => ({ configuration: { [key]: 'True' } });

  it('is asked only where the protocol has the feature and the table uses it', () => {
    assert.equal(isAppendOnly(legacy(1, 2), on('delta.appendOnly')), true);
    assert.equal(isAppendOnly(legacy(1, 1), on('delta.appendOnly')), false);
    assert.equal(isAppendOnly(legacy(1, 2), { configuration: { 'delta.appendOnly': 'false' } }), false);
    assert.equal(isAppendOnly(listing([], ['invariants']), on('delta.appendOnly')), false);
    assert.equal(hasInCommitTimestamps(listing([], ['inCommitTimestamp']), on('delta.enableInCommitTimestamps')), true);
    assert.equal(hasInCommitTimestamps(listing([]), on('delta.enableInCommitTimestamps')), false);
    assert.equal(hasTypeWidening(listing(['typeWidening']), on('delta.enableTypeWidening')), true);
    assert.equal(hasTypeWidening(listing(['typeWidening']), { configuration: {} }), false);
    assert.equal(hasTypeWidening(listing(['typeWidening-preview']), on('delta.enableTypeWidening')), false);
    assert.equal(supportsFeature(legacy(1, 4), 'changeDataFeed'), true);
    assert.equal(supportsFeature(legacy(1, 3), 'changeDataFeed'), false);
  });

  it('names the columns with a default', () => {
    const { schema } = toTable({ fields: [field('a', 'long', { CURRENT_DEFAULT: '1' }), field('b', 'long')] });
    assert.deepEqual(columnsWithDefault(listing([], ['allowColumnDefaults']), schema), ['a']);
    assert.deepEqual(columnsWithDefault(legacy(1, 2), schema), []);
  });

  it('names the clustering columns, in both spellings', () => {
    const clustering = (configuration: string) =>
      clusteringColumns(new Map([['delta.clustering', { domain: 'delta.clustering', configuration, removed: false }]]));
    assert.deepEqual(clustering('{"clusteringColumns":["a","b"]}'), [['a'], ['b']]);
    assert.deepEqual(clustering('{"clusteringColumns":[["a"],["b","c"]],"domainName":"delta.clustering"}'), [
      ['a'],
      ['b', 'c'],
    ]);
    assert.deepEqual(clustering('{}'), []);
    assert.deepEqual(clusteringColumns(new Map()), []);
    for (const bad of ['{"clusteringColumns":"a"}', '{"clusteringColumns":[1]}', '{"clusteringColumns":[[]]}', 'x']) {
      throws(() => clustering(bad), 'CORRUPT_LOG', /delta\.clustering/);
    }
  });
});

interface TableSketch {
  readonly fields?: readonly StructField[];
  readonly configuration?: Configuration;
  readonly partitionColumns?: readonly string[];
}

function toTable({ fields = [field('id', 'long')], configuration = {}, partitionColumns = [] }: TableSketch) {
  const schema: StructType = { type: 'struct', fields };
  return { schema, configuration, partitionColumns };
}

function write(protocol: Protocol, sketch: TableSketch): void {
  const { schema, configuration, partitionColumns } = toTable(sketch);
  const format = { provider: 'parquet', options: {} };
  const metadata = { id: 'x', format, schemaString: '', configuration, partitionColumns };
  assertWritable({ table, protocol, metadata, schema });
}

function describeSketch({ fields, configuration, partitionColumns }: TableSketch): string {
  const parts = [configuration, fields, partitionColumns].filter((part) => part !== undefined);
  return parts.length === 0 ? 'nothing in use' : parts.map((part) => JSON.stringify(part)).join(' and ');
}

function field(name: string, type: DataType, metadata: StructField['metadata'] = {}, nullable = true): StructField {
  return { name, type, nullable, metadata };
}

/** The field inside a struct, a list of structs, and the values of a map. */
function nestings(inner: StructField) {
  const struct: StructType = { type: 'struct', fields: [inner] };
  return {
    struct: [field('s', struct)],
    array: [field('a', { type: 'array', elementType: struct, containsNull: true })],
    map: [field('m', { type: 'map', keyType: 'string', valueType: struct, valueContainsNull: true })],
  };
}

function legacy(minReaderVersion: number, minWriterVersion: number): Protocol {
  return { minReaderVersion, minWriterVersion };
}

function listing(readerFeatures: readonly string[], writerFeatures: readonly string[] = readerFeatures): Protocol {
  return { minReaderVersion: 3, minWriterVersion: 7, readerFeatures, writerFeatures };
}

/** With the features that writer version 2 implies, unless others are given. */
function fullList(
  readerFeatures: readonly string[],
  writerFeatures: readonly string[] = [],
  implied: readonly string[] = ['appendOnly', 'invariants'],
): Protocol {
  return listing(readerFeatures, [...implied, ...readerFeatures, ...writerFeatures]);
}

function sorted({ readerFeatures, writerFeatures, ...versions }: Protocol) {
  return { ...versions, readerFeatures: readerFeatures?.toSorted(), writerFeatures: writerFeatures?.toSorted() };
}

function throws(action: () => void, code: DeltaErrorCode, message = /./) {
  try {
    action();
  } catch (error) {
    assert.ok(isDeltaError(error), String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return error;
  }
  return assert.fail('nothing was thrown');
}
