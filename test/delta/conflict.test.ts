import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action, AddFile, DeletionVector, Metadata, Protocol } from '../../src/delta/actions.ts';
import { assertBuiltOn, assertNoConflict, assertSameTable, noWinners, recordWinner } from '../../src/delta/conflict.ts';
import { parseSchema, serializeSchema } from '../../src/delta/schema.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';

const table: TableRef = { store: createMemoryStore(), root: 'orders', url: 's3://lake/orders' };
const dv: DeletionVector = { storageType: 'u', pathOrInlineDv: 'ab', sizeInBytes: 1, cardinality: 1 };

function add(path: string, changes: Partial<AddFile> = {}): Action {
  return { add: { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true, ...changes } };
}
function remove(path: string, deletionVector?: DeletionVector): Action {
  return { remove: { path, dataChange: true, ...(deletionVector !== undefined && { deletionVector }) } };
}
function txn(appId: string, version: number): Action {
  return { txn: { appId, version } };
}

/** Runs the check of our actions after the given commits won. */
function afterWinners(winning: readonly (readonly Action[])[], ours: readonly Action[]): void {
  const winners = noWinners();
  winning.forEach((actions, version) => {
    recordWinner(winners, table, { version, timestamp: 0, modified: 0, actions });
  });
  assertNoConflict(winners, table, ours);
}

const metadata: Metadata = {
  id: 'a',
  format: { provider: 'parquet', options: {} },
  schemaString: serializeSchema({
    type: 'struct',
    fields: [
      { name: 'id', type: 'long', nullable: true, metadata: {} },
      { name: 'day', type: 'date', nullable: true, metadata: {} },
    ],
  }),
  partitionColumns: [],
  configuration: {},
};

describe('after a lost race', () => {
  const tags = { etag: 'one' };
  const allowed: readonly (readonly [
    what: string,
    winning: readonly (readonly Action[])[],
    ours: readonly Action[],
  ])[] = [
    ['an add of another file', [[add('x')]], [add('y')]],
    ['an add of a file that a winner removed', [[remove('x')]], [add('x')]],
    ['an add of another version of the file, by size', [[add('x')]], [add('x', { size: 2 })]],
    ['an add of another version of the file, by time', [[add('x')]], [add('x', { modificationTime: 2 })]],
    ['an add of another version of the file, by tag', [[add('x', { tags })]], [add('x', { tags: { etag: 'two' } })]],
    ['a remove of a file that a winner added', [[add('x')]], [remove('x')]],
    ['a remove of a file that a winner removed and added again', [[remove('x')], [add('x')]], [remove('x')]],
    [
      'a remove of the rest of a file of which a winner deleted rows',
      [[remove('x'), add('x', { deletionVector: dv })]],
      [remove('x', dv)],
    ],
    ['a txn of another application', [[txn('a', 5)]], [txn('b', 1)]],
    ['a newer txn of the application', [[txn('a', 5)]], [txn('a', 6)]],
  ];
  for (const [what, winning, ours] of allowed) {
    it(`goes on with ${what}`, () => assert.doesNotThrow(() => afterWinners(winning, ours)));
  }

  const refused: readonly (readonly [
    what: string,
    winning: readonly (readonly Action[])[],
    ours: readonly Action[],
    message: RegExp,
  ])[] = [
    ['an add that a winner made', [[add('x')]], [add('x')], /has added the file "x"/],
    ['an add that a winner made, in another spelling', [[add('p%3D1')]], [add('p=1')], /has added the file "p=1"/],
    ['an add that a winner made and another undid', [[add('x')], [remove('x')]], [add('x')], /has added the file "x"/],
    [
      'an add that a winner made, with the tags in another order',
      [[add('x', { tags: { a: '1', b: '2' } })]],
      [add('x', { tags: { b: '2', a: '1' } })],
      /has added the file "x"/,
    ],
    ['a remove that a winner made', [[remove('x')]], [remove('x')], /has removed the file "x"/],
    [
      'a remove that a winner made after adding it',
      [[add('x')], [remove('x')]],
      [remove('x')],
      /has removed the file "x"/,
    ],
    [
      'a remove of a file of which a winner deleted rows',
      [[add('x', { deletionVector: dv }), remove('x')]],
      [remove('x')],
      /has removed the file "x"/,
    ],
    ['the same txn', [[txn('a', 5)]], [txn('a', 5)], /has brought the application "a" to 5, we to 5/],
    ['an older txn', [[txn('a', 4)], [txn('a', 6)]], [txn('a', 5)], /"a" to 6, we to 5/],
  ];
  for (const [what, winning, ours, message] of refused) {
    it(`refuses ${what}`, () => assert.throws(() => afterWinners(winning, ours), { code: 'CONFLICT', message }));
  }

  it('refuses another table in the same place', () => {
    const after = { table, version: 3, metadata };
    assert.doesNotThrow(() => assertSameTable({ metadata: { ...metadata, name: 'new' } }, after));
    assert.throws(() => assertSameTable({ metadata: { ...metadata, id: 'b' } }, after), {
      code: 'CONFLICT',
      message: /the table b was replaced by the table a/,
    });
  });
});

describe('a new metaData', () => {
  const head = {
    table,
    protocol: { minReaderVersion: 1, minWriterVersion: 2 },
    metadata,
    schema: parseSchema(metadata.schemaString),
  };

  it('may have more columns', () => {
    const fields = [...head.schema.fields, { name: 'new', type: 'long' as const, nullable: true, metadata: {} }];
    const metaData = { ...metadata, schemaString: serializeSchema({ type: 'struct', fields }) };
    assert.doesNotThrow(() => assertBuiltOn(head, [{ metaData }]));
  });

  it('must have all columns and the id of the table', () => {
    const metaData = {
      ...metadata,
      schemaString: serializeSchema({ type: 'struct', fields: head.schema.fields.slice(1) }),
    };
    assert.throws(() => assertBuiltOn(head, [{ metaData }]), { code: 'CONFLICT', message: /lacks the column "id"/ });
    assert.throws(() => assertBuiltOn(head, [{ metaData: { ...metadata, id: 'b' } }]), {
      code: 'CONFLICT',
      message: /has the id b/,
    });
  });
});

describe('a new protocol', () => {
  const features: Protocol = {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: ['timestampNtz'],
    writerFeatures: ['timestampNtz', 'appendOnly'],
  };
  const head = { table, protocol: features, metadata, schema: parseSchema(metadata.schemaString) };

  it('may have more features', () => {
    const protocol = { ...features, writerFeatures: [...(features.writerFeatures ?? []), 'domainMetadata'] };
    assert.doesNotThrow(() => assertBuiltOn(head, [{ protocol }]));
  });

  const refused: readonly (readonly [what: string, protocol: Protocol, message: RegExp])[] = [
    ['a lower reader version', { ...features, minReaderVersion: 1 }, /lower version/],
    ['a lower writer version', { ...features, minWriterVersion: 6 }, /lower version/],
    ['fewer features', { ...features, writerFeatures: ['timestampNtz'] }, /lacks the feature appendOnly/],
  ];
  for (const [what, protocol, message] of refused) {
    it(`cannot have ${what}`, () => {
      assert.throws(() => assertBuiltOn(head, [{ protocol }]), { code: 'CONFLICT', message });
    });
  }
});
