import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type DataType,
  formatPath,
  type StructField,
  type StructType,
  serializeSchema,
  typeName,
} from '../../src/delta/schema.ts';
import { type MergeOptions, type MergeResult, mergeSchema } from '../../src/delta/schema-merge.ts';

const field = (name: string, type: DataType, nullable = true, metadata = {}): StructField => {
  return { name, type, nullable, metadata };
};
const struct = (...fields: StructField[]): StructType => ({ type: 'struct', fields });
const array = (elementType: DataType, containsNull = true): DataType => ({ type: 'array', elementType, containsNull });
const map = (keyType: DataType, valueType: DataType, valueContainsNull = true): DataType => {
  return { type: 'map', keyType, valueType, valueContainsNull };
};

const EVOLVE: MergeOptions = { policy: 'evolve', partitionColumns: [], typeWidening: false };
const STRICT: MergeOptions = { ...EVOLVE, policy: 'strict' };
const FIXED: MergeOptions = { ...EVOLVE, policy: 'fixed' };
const WIDENING: MergeOptions = { ...EVOLVE, typeWidening: true };

const TABLE = struct(field('id', 'long', false), field('name', 'string'), field('at', 'timestamp'));

function evolved(result: MergeResult): Extract<MergeResult, { kind: 'evolved' }> {
  assert.equal(result.kind, 'evolved', JSON.stringify(result));
  return result as Extract<MergeResult, { kind: 'evolved' }>;
}

/** The conflicts as `CODE path`. */
function conflicts(result: MergeResult): string[] {
  assert.equal(result.kind, 'conflict', JSON.stringify(result));
  const { conflicts } = result as Extract<MergeResult, { kind: 'conflict' }>;
  return conflicts.map(({ code, path }) => `${code} ${formatPath(path)}`);
}

function reasons(result: MergeResult): string[] {
  return result.kind === 'conflict' ? result.conflicts.map(({ reason }) => reason) : [];
}

describe('a file with the columns of the table', () => {
  it('is the same in any order, and without the nullable ones', () => {
    for (const options of [EVOLVE, STRICT, FIXED]) {
      assert.equal(mergeSchema(TABLE, TABLE, options).kind, 'same');
      assert.equal(mergeSchema(TABLE, struct(field('at', 'timestamp'), field('id', 'long')), options).kind, 'same');
    }
  });

  it('may lack a nullable struct with required fields, but not such a field alone', () => {
    const table = struct(field('id', 'long'), field('s', struct(field('x', 'long', false), field('y', 'long'))));
    assert.equal(mergeSchema(table, struct(field('id', 'long')), STRICT).kind, 'same');
    const partial = struct(field('id', 'long'), field('s', struct(field('y', 'long'))));
    assert.deepEqual(conflicts(mergeSchema(table, partial, EVOLVE)), ['MISSING_REQUIRED_COLUMN s.x']);
  });

  it('must have the columns that are not nullable', () => {
    const result = mergeSchema(TABLE, struct(field('name', 'string')), FIXED);
    assert.deepEqual(conflicts(result), ['MISSING_REQUIRED_COLUMN id']);
    assert.deepEqual(reasons(result), ['The file lacks the column "id", which is long NOT NULL in the table']);
  });

  it('may lack or have the partition columns, of whatever type and case', () => {
    const table = struct(field('day', 'date', false), field('id', 'long'));
    const options = { ...STRICT, partitionColumns: ['day'] };
    assert.equal(mergeSchema(table, struct(field('id', 'long')), options).kind, 'same');
    assert.equal(mergeSchema(table, struct(field('Day', 'string'), field('id', 'long')), options).kind, 'same');
  });
});

describe('a file with new columns', () => {
  const file = struct(field('new', 'date', false), field('id', 'long'), field('name', 'string'));

  it('adds them at the end, nullable, and keeps the rest as it is', () => {
    const table = struct(field('id', 'long', false, { comment: 'key' }), field('day', 'date'), field('name', 'string'));
    const result = evolved(mergeSchema(table, file, { ...EVOLVE, partitionColumns: ['day'] }));
    assert.deepEqual(result.schema, struct(...table.fields, field('new', 'date')));
    assert.deepEqual(result.changes, [{ kind: 'added', path: ['new'], type: 'date' }]);
  });

  it('makes them nullable at every level', () => {
    const type = struct(field('l', array(map('string', 'long', false), false), false));
    const result = evolved(
      mergeSchema(struct(field('id', 'long')), struct(field('id', 'long'), field('s', type)), EVOLVE),
    );
    assert.deepEqual(result.schema.fields[1], field('s', struct(field('l', array(map('string', 'long'))))));
  });

  it('adds them inside structs and array elements', () => {
    const before = struct(field('x', 'long', false));
    const after = struct(field('y', 'string', false), field('x', 'long'));
    const nest = (type: DataType) => struct(field('s', struct(field('t', type))), field('l', array(type)));
    const result = evolved(mergeSchema(nest(before), nest(after), EVOLVE));
    assert.deepEqual(result.schema, nest(struct(field('x', 'long', false), field('y', 'string'))));
    assert.deepEqual(
      result.changes.map(({ path }) => formatPath(path)),
      ['s.t.y', 'l.element.y'],
    );
  });

  it('is refused by a strict table, at any level', () => {
    const result = mergeSchema(TABLE, file, STRICT);
    assert.deepEqual(conflicts(result), ['NEW_COLUMN new']);
    assert.deepEqual(reasons(result), ['The file has the column "new" of type date, which the table lacks']);
    const nested = mergeSchema(
      struct(field('s', struct(field('x', 'long')))),
      struct(field('s', struct(field('y', 'long')))),
      STRICT,
    );
    assert.deepEqual(conflicts(nested), ['NEW_COLUMN s.y']);
  });

  it('loses them in a table with fixed columns', () => {
    assert.equal(mergeSchema(TABLE, file, FIXED).kind, 'same');
  });

  it('is refused when a new name is not legal, at any level; a table with fixed columns does not mind', () => {
    const file = struct(field('id', 'long'), field('s', array(struct(field('a b', 'long')))));
    assert.deepEqual(conflicts(mergeSchema(TABLE, file, EVOLVE)), ['INVALID_COLUMN_NAME s.element.a b']);
    assert.equal(mergeSchema(TABLE, file, FIXED).kind, 'same');
  });
});

describe('structs that not all readers can read together', () => {
  const inMap = (...names: string[]) => {
    return struct(field('m', map('string', array(struct(...names.map((name) => field(name, 'long')))))));
  };

  it('inside a map are those with other fields, under every policy', () => {
    for (const options of [EVOLVE, STRICT, FIXED]) {
      assert.equal(mergeSchema(inMap('x', 'y'), inMap('y', 'x'), options).kind, 'same');
      assert.deepEqual(conflicts(mergeSchema(inMap('x', 'y'), inMap('x'), options)), ['MAP_STRUCT m.value.element.y']);
      assert.deepEqual(conflicts(mergeSchema(inMap('x'), inMap('x', 'y'), options)), ['MAP_STRUCT m.value.element.y']);
    }
  });

  it('elsewhere are those without a common field', () => {
    const nest = (name: string) => struct(field('l', array(struct(field(name, 'long')))));
    assert.deepEqual(conflicts(mergeSchema(nest('x'), nest('y'), FIXED)), ['NO_COMMON_FIELD l.element']);
    assert.equal(mergeSchema(nest('x'), nest('y'), EVOLVE).kind, 'evolved');
  });
});

describe('names that differ in case', () => {
  it('between file and table are a conflict under every policy', () => {
    for (const options of [EVOLVE, STRICT, FIXED]) {
      const result = mergeSchema(TABLE, struct(field('ID', 'long'), field('name', 'string')), options);
      assert.deepEqual(conflicts(result), ['COLUMN_CASE ID']);
      assert.match(reasons(result)[0] ?? '', /^The column "ID" of the file is "id" in the table/);
    }
  });

  it('inside the file are a conflict, known column or not', () => {
    const known = mergeSchema(TABLE, struct(field('id', 'long'), field('Id', 'long')), EVOLVE);
    assert.deepEqual(conflicts(known), ['DUPLICATE_COLUMN Id']);
    const unknown = mergeSchema(TABLE, struct(field('id', 'long'), field('n', 'long'), field('N', 'long')), EVOLVE);
    assert.deepEqual(conflicts(unknown), ['DUPLICATE_COLUMN N']);
  });

  it('are found inside structs', () => {
    const result = mergeSchema(
      struct(field('s', struct(field('x', 'long')))),
      struct(field('s', struct(field('X', 'long')))),
      EVOLVE,
    );
    assert.deepEqual(conflicts(result), ['COLUMN_CASE s.X']);
  });
});

describe('other types', () => {
  const pairs: readonly (readonly [table: DataType, file: DataType])[] = [
    ['long', 'integer'],
    ['integer', 'long'],
    ['timestamp', 'timestamp_ntz'],
    ['timestamp_ntz', 'timestamp'],
    ['date', 'timestamp'],
    ['string', 'binary'],
    ['float', 'double'],
    ['decimal(10,2)', 'decimal(12,2)'],
    ['decimal(10,2)', 'decimal(8,2)'],
    ['string', struct(field('x', 'long'))],
    [array('long'), 'long'],
    [array('long'), map('long', 'long')],
    [struct(field('x', 'long')), array('long')],
  ];
  for (const [table, file] of pairs) {
    it(`${typeName(file)} for ${typeName(table)} is a conflict that names both`, () => {
      const result = mergeSchema(struct(field('c', table)), struct(field('c', file)), EVOLVE);
      assert.deepEqual(conflicts(result), ['TYPE_CONFLICT c']);
      assert.ok(
        reasons(result)[0]?.startsWith(
          `The column "c" is ${typeName(table)} in the table and ${typeName(file)} in the file`,
        ),
      );
    });
  }

  it('are found at every level, and all at once', () => {
    const table = struct(
      field('s', struct(field('x', 'long'))),
      field('l', array('date')),
      field('m', map('string', 'long')),
    );
    const file = struct(
      field('s', struct(field('x', 'date'))),
      field('l', array('long')),
      field('m', map('long', 'string')),
    );
    assert.deepEqual(conflicts(mergeSchema(table, file, EVOLVE)), [
      'TYPE_CONFLICT s.x',
      'TYPE_CONFLICT l.element',
      'TYPE_CONFLICT m.key',
      'TYPE_CONFLICT m.value',
    ]);
  });

  it('of map keys cannot grow', () => {
    const nest = (...names: string[]) =>
      struct(field('m', map(struct(...names.map((name) => field(name, 'long'))), 'long')));
    assert.deepEqual(conflicts(mergeSchema(nest('x'), nest('x', 'y'), EVOLVE)), ['TYPE_CONFLICT m.key']);
  });

  it('do not count nullability, which the statistics of the file check', () => {
    const nest = (nulls: boolean) => struct(field('l', array('long', nulls)), field('m', map('string', 'long', nulls)));
    assert.equal(mergeSchema(nest(false), nest(true), STRICT).kind, 'same');
    assert.equal(mergeSchema(nest(true), nest(false), STRICT).kind, 'same');
  });

  it('take the place of void where the table evolves', () => {
    const table = struct(field('v', 'void'), field('id', 'long'));
    const file = struct(field('v', array('long', false)), field('id', 'long'));
    assert.deepEqual(
      evolved(mergeSchema(table, file, EVOLVE)).schema,
      struct(field('v', array('long')), field('id', 'long')),
    );
    assert.deepEqual(conflicts(mergeSchema(table, file, STRICT)), ['TYPE_CONFLICT v']);
    assert.equal(mergeSchema(table, struct(field('id', 'long')), STRICT).kind, 'same');
  });
});

describe('type widening', () => {
  const widened: readonly (readonly [from: DataType, to: DataType])[] = [
    ['byte', 'short'],
    ['byte', 'long'],
    ['short', 'integer'],
    ['integer', 'long'],
    ['float', 'double'],
    ['date', 'timestamp_ntz'],
    ['decimal(10,2)', 'decimal(12,2)'],
    ['decimal(10,2)', 'decimal(12,4)'],
  ];
  for (const [from, to] of widened) {
    it(`widens ${from} to ${to} and records it`, () => {
      const table = struct(field('c', from, false, { comment: 'kept' }));
      const result = evolved(mergeSchema(table, struct(field('c', to)), WIDENING));
      const metadata = { comment: 'kept', 'delta.typeChanges': [{ fromType: from, toType: to }] };
      assert.deepEqual(result.schema, struct(field('c', to, false, metadata)));
      assert.deepEqual(result.changes, [{ kind: 'widened', path: ['c'], from, to }]);
    });

    it(`does not widen ${from} to ${to} for a strict or fixed table, or without the feature`, () => {
      for (const options of [EVOLVE, { ...STRICT, typeWidening: true }, { ...FIXED, typeWidening: true }]) {
        const result = mergeSchema(struct(field('c', from)), struct(field('c', to)), options);
        assert.deepEqual(conflicts(result), ['TYPE_CONFLICT c']);
        assert.match(reasons(result)[0] ?? '', /with type widening/);
      }
    });
  }

  const refused: readonly (readonly [from: DataType, to: DataType])[] = [
    ['long', 'integer'],
    ['double', 'float'],
    ['integer', 'double'],
    ['integer', 'decimal(10,0)'],
    ['long', 'decimal(20,0)'],
    ['date', 'timestamp'],
    ['decimal(10,2)', 'decimal(11,4)'],
    ['decimal(10,2)', 'decimal(10,1)'],
    ['decimal(10,2)', 'decimal(9,2)'],
    ['byte', 'string'],
  ];
  for (const [from, to] of refused) {
    it(`does not make ${to} of ${from}`, () => {
      const result = mergeSchema(struct(field('c', from)), struct(field('c', to)), WIDENING);
      assert.deepEqual(conflicts(result), ['TYPE_CONFLICT c']);
    });
  }

  it('adds to the changes that are recorded, with the place inside arrays and maps', () => {
    const older = { fromType: 'byte', toType: 'short', fieldPath: 'element.value', tableVersion: 3 };
    const table = struct(field('c', array(map('string', 'short')), true, { 'delta.typeChanges': [older] }));
    const result = evolved(mergeSchema(table, struct(field('c', array(map('string', 'long')))), WIDENING));
    assert.deepEqual(result.schema.fields[0], {
      ...field('c', array(map('string', 'long'))),
      metadata: { 'delta.typeChanges': [older, { fromType: 'short', toType: 'long', fieldPath: 'element.value' }] },
    });
  });

  it('records a change in the nearest field', () => {
    const nest = (type: DataType) => struct(field('l', array(struct(field('x', type)))));
    const result = evolved(mergeSchema(nest('integer'), nest('long'), WIDENING));
    assert.equal(
      serializeSchema(result.schema),
      '{"type":"struct","fields":[{"name":"l","type":{"type":"array","elementType":{"type":"struct","fields":[' +
        '{"name":"x","type":"long","nullable":true,"metadata":{"delta.typeChanges":[{"fromType":"integer","toType":"long"}]}}' +
        ']},"containsNull":true},"nullable":true,"metadata":{}}]}',
    );
  });

  it('lets files with the types from before it in, and no others', () => {
    const metadata = {
      'delta.typeChanges': [
        { fromType: 'short', toType: 'integer' },
        { fromType: 'integer', toType: 'long' },
      ],
    };
    const table = struct(field('c', 'long', true, metadata));
    assert.equal(mergeSchema(table, struct(field('c', 'short')), STRICT).kind, 'same');
    assert.equal(mergeSchema(table, struct(field('c', 'integer')), STRICT).kind, 'same');
    assert.deepEqual(conflicts(mergeSchema(table, struct(field('c', 'byte')), WIDENING)), ['TYPE_CONFLICT c']);
  });

  it('knows the types from before it by their place and however they are spelled', () => {
    const metadata = {
      'delta.typeChanges': [{ fromType: 'decimal(6, 2)', toType: 'decimal(10, 4)', fieldPath: 'element' }],
    };
    const table = struct(field('l', array('decimal(10,4)'), true, metadata), field('d', 'decimal(10,4)'));
    assert.equal(mergeSchema(table, struct(field('l', array('decimal(6,2)'))), STRICT).kind, 'same');
    assert.deepEqual(conflicts(mergeSchema(table, struct(field('d', 'decimal(6,2)')), STRICT)), ['TYPE_CONFLICT d']);
  });
});

describe('several files of a batch', () => {
  it('are merged one after the other into the same schema, whatever their order', () => {
    const table = struct(field('id', 'long'));
    const files = [
      struct(field('id', 'long'), field('a', 'long')),
      struct(field('id', 'long'), field('a', 'long'), field('s', struct(field('x', 'long')))),
      struct(field('id', 'long'), field('s', struct(field('x', 'long'), field('y', 'date')))),
    ];
    const merge = (schema: StructType, file: StructType) => {
      const result = mergeSchema(schema, file, EVOLVE);
      return result.kind === 'evolved' ? result.schema : schema;
    };
    const s = field('s', struct(field('x', 'long'), field('y', 'date')));
    assert.deepEqual(files.reduce(merge, table), struct(field('id', 'long'), field('a', 'long'), s));
    assert.deepEqual(files.toReversed().reduce(merge, table), struct(field('id', 'long'), s, field('a', 'long')));
  });
});
