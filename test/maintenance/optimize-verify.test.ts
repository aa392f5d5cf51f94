import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isDeltaError } from '../../src/delta/errors.ts';
import { asNullable, type StructType } from '../../src/delta/schema.ts';
import { parseFooter } from '../../src/parquet/footer.ts';
import { bindColumns } from '../../src/parquet/rewrite/bind-columns.ts';
import { RowChecksum } from '../../src/parquet/rewrite/checksum.ts';
import { openDataFile, readBatches } from '../../src/parquet/rewrite/data-file.ts';
import { FooterCheck } from '../../src/parquet/rewrite/footer-check.ts';
import { VerifyError, verifyFile } from '../../src/parquet/rewrite/verify-file.ts';
import { fileStatistics } from '../../src/parquet/statistics.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { arrayOf, mapOf, struct, structField } from '../support/interop/type-cases.ts';
import { createOptimizeWorld } from './optimize-world.ts';

const schema: StructType = {
  type: 'struct',
  fields: [
    structField('id', 'long'),
    structField('text', 'string'),
    structField('price', 'decimal(20,2)'),
    structField('ratio', 'double'),
    structField('is', 'boolean'),
    structField('tags', arrayOf('string')),
    structField('map', mapOf('string', 'integer')),
    structField('inner', struct({ a: 'integer', b: 'binary' })),
  ],
};

const rows: readonly (readonly CellValue[])[] = [
  [1, 'one', 100n, 0, true, ['a', 'b'], new Map([['k', 1]]), { a: 1, b: Uint8Array.of(1) }],
  [2, '', null, Number.NaN, false, [], new Map(), { a: null, b: new Uint8Array() }],
  [3, null, -(10n ** 19n), -1.5, null, null, null, null],
];

async function write(written: readonly (readonly CellValue[])[], own = schema): Promise<Uint8Array> {
  const writer = new RowWriter(own);
  for (const row of written) writer.append(row);
  return writer.finish();
}

async function checksumOf(bytes: Uint8Array): Promise<RowChecksum> {
  const store = createMemoryStore();
  await store.put('f', bytes);
  const file = await openDataFile(store, 'f', bytes.length);
  const checksum = new RowChecksum(schema);
  for await (const batch of readBatches(file, bindColumns(file.footer, schema).fields)) checksum.add(batch);
  return checksum;
}

async function verify(bytes: Uint8Array, expected: Uint8Array): Promise<void> {
  const store = createMemoryStore();
  await store.put('new', bytes);
  const written = { store, key: 'new', size: bytes.length, schema: asNullable(schema), checkTime: () => undefined };
  await verifyFile(written, { checksum: await checksumOf(expected), rows: rows.length });
}

/** The rows with one cell changed. */
function withCell(row: number, column: number, value: CellValue): CellValue[][] {
  return rows.map((cells, at) => cells.map((cell, index) => (at === row && index === column ? value : cell)));
}

describe('The check of a new file', () => {
  it('passes the same rows in whatever order', async () => {
    await verify(await write(rows), await write(rows));
    await verify(await write([...rows].reverse()), await write(rows));
  });

  const changes: readonly (readonly [string, CellValue[][], RegExp])[] = [
    ['a number by one', withCell(0, 0, 2), /column "id"/],
    ['an empty text to null', withCell(1, 1, null), /column "text"/],
    ['null to an empty text', withCell(2, 1, ''), /column "text"/],
    ['the upper half of a decimal', withCell(2, 2, -(10n ** 19n) + 2n ** 64n), /column "price"/],
    ['0.0 to -0.0', withCell(0, 3, -0), /column "ratio"/],
    ['false to null', withCell(1, 4, null), /column "is"/],
    ['the order of a list', withCell(0, 5, ['b', 'a']), /column "tags"/],
    ['an empty list to null', withCell(1, 5, null), /column "tags"/],
    ['where one text of a list ends', withCell(0, 5, ['ab', '']), /column "tags"/],
    ['a value of a map', withCell(0, 6, new Map([['k', 2]])), /column "map"/],
    ['a field of a struct', withCell(0, 7, { a: 1, b: Uint8Array.of(2) }), /column "inner"/],
    ['a struct of nulls to null', withCell(1, 7, null), /column "inner"/],
    ['null to a struct of nulls', withCell(2, 7, { a: null, b: null }), /column "inner"/],
    [
      'the number of rows',
      [...rows.map((row) => [...row]), [4, null, null, null, null, null, null, null]],
      /3 rows became 4/,
    ],
    ['a row to another', [[...(rows[0] ?? [])], [...(rows[0] ?? [])], [...(rows[2] ?? [])]], /column "id"/],
  ];
  for (const [name, changed, message] of changes) {
    it(`finds a change of ${name}`, async () => {
      await assert.rejects(
        verify(await write(changed), await write(rows)),
        (error) => error instanceof VerifyError && message.test(error.message),
      );
    });
  }

  it('finds values that moved to another row, though every column has the same ones', async () => {
    const moved = rows.map((row, index) => [rows[(index + 1) % rows.length]?.[0], ...row.slice(1)]);
    await assert.rejects(verify(await write(moved), await write(rows)), /values of a row are in different rows/);
  });

  it('finds columns of other types, and a file that cannot be read', async () => {
    const narrow = { ...schema, fields: [structField('id', 'integer'), ...schema.fields.slice(1)] };
    const other = { ...schema, fields: [structField('id', 'string'), ...schema.fields.slice(1)] };
    await verify(await write(rows, narrow), await write(rows));
    const texts = rows.map(([id, ...rest]) => [String(id), ...rest]);
    await assert.rejects(verify(await write(texts, other), await write(rows)), /has other columns/);
    await assert.rejects(verify(Buffer.from('PAR1 and nothing of it PAR1'), await write(rows)), /cannot be read again/);
  });

  it('finds rows that were lost before they were counted', async () => {
    const store = createMemoryStore();
    const bytes = await write(rows.slice(1));
    await store.put('new', bytes);
    const written = { store, key: 'new', size: bytes.length, schema, checkTime: () => undefined };
    await assert.rejects(
      verifyFile(written, { checksum: await checksumOf(bytes), rows: 3 }),
      /3 rows were to be read, 2 were/,
    );
  });
});

/** What contradicts the footer of one file in the rows of another. */
async function contradiction(footerOf: Uint8Array, rowsOf: Uint8Array): Promise<string | undefined> {
  const check = new FooterCheck(schema, fileStatistics(parseFooter(footerOf)));
  const store = createMemoryStore();
  await store.put('f', rowsOf);
  const file = await openDataFile(store, 'f', rowsOf.length);
  for await (const batch of readBatches(file, bindColumns(file.footer, schema).fields)) check.add(batch);
  return check.contradiction();
}

describe('The check of what is read', () => {
  for (const [name, changed, message] of [
    ['nothing', rows, undefined],
    ['a number outside', withCell(0, 0, 7), /"id" has values outside of 1 to 3/],
    ['a null more', withCell(1, 1, null), /"text" has 2 nulls, its footer says 1/],
    ['a null less in a struct', withCell(2, 7, { a: 1, b: null }), /"inner.a" has 1 nulls, its footer says 2/],
    ['a list that is null', withCell(0, 5, null), /"tags" has 2 nulls, its footer says 1/],
  ] as const) {
    it(`finds in another file: ${name}`, async () => {
      const found = await contradiction(await write(rows), await write(changed));
      if (message === undefined) assert.equal(found, undefined);
      else assert.match(found ?? '', message);
    });
  }
});

describe('Compaction of a table', () => {
  it('commits nothing when the store gives other bytes than were written', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(3, 500, '2026-11-24');
    const before = await world.sortedRows();
    const swapping: ObjectStore = {
      ...world.store,
      async putStream(key, pieces) {
        const size = await world.store.putStream(key, pieces);
        // The same rows but one, in a file of its own: nothing but its values tells.
        const other = new RowWriter({
          type: 'struct',
          fields: [structField('id', 'long'), structField('name', 'string')],
        });
        for (let id = 0; id < 1_500; id++) other.append([id === 700 ? 701 : id, `row ${id}`]);
        const bytes = await other.finish();
        await world.store.put(key, bytes);
        return bytes.length === size ? size : bytes.length;
      },
    };
    const result = await world.optimize({}, swapping);
    assert.deepEqual([result.versions, result.filesRemoved, result.leftAloneCount], [[], 0, 3]);
    assert.match(result.leftAlone[0]?.reason ?? '', /the values of the column "id" are others/);
    assert.deepEqual(await world.sortedRows(), before);
  });

  it('leaves files alone that cannot be rewritten, with the reason, and makes the bin without them', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(3, 10, '2026-11-24');
    const wide = new RowWriter({
      type: 'struct',
      fields: [structField('id', 'long'), structField('name', 'string'), structField('more', 'long')],
    });
    wide.append([1, 'x', 2]);
    const plain = await write([], { type: 'struct', fields: [structField('id', 'long')] });
    await world.commit([
      { add: await world.put('ds=2026-11-24/wide.parquet', await wide.finish(), { ds: '2026-11-24' }) },
      { add: { ...(await world.put('ds=2026-11-24/bad.parquet', Buffer.from('no parquet'), { ds: '2026-11-24' })) } },
      {
        add: {
          ...(await world.put('ds=2026-11-24/gone.parquet', plain, { ds: '2026-11-24' })),
          size: plain.length - 1,
        },
      },
      {
        add: {
          ...(await world.put('ds=2026-11-24/z.parquet', plain, { ds: '2026-11-24' })),
          clusteringProvider: 'liquid',
        },
      },
    ]);
    const result = await world.optimize();
    assert.equal(result.filesRemoved, 3);
    const reasons = Object.fromEntries(result.leftAlone.map(({ path, reason }) => [path.replace(/.*\//, ''), reason]));
    assert.match(reasons['wide.parquet'] ?? '', /columns that the table lacks: more/);
    assert.match(reasons['bad.parquet'] ?? '', /does not end with "PAR1"/);
    assert.match(reasons['gone.parquet'] ?? '', /the log says \d+/);
    assert.match(reasons['z.parquet'] ?? '', /clustered by liquid/);
    assert.equal(result.leftAloneCount, 4);

    const dropped = await world.optimize({ dropUnknownColumns: true });
    assert.equal(dropped.filesRemoved, 2);
  });

  it('leaves a file alone whose pages are damaged, and makes the bin without it', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(3, 200, '2026-11-24');
    const [, second] = await world.files();
    assert.ok(second);
    const key = `lake/t/${decodeURIComponent(second.path)}`;
    const bytes = Uint8Array.from((await world.store.get(key)).body).fill(255, 40, 120);
    await world.store.put(key, bytes);
    const result = await world.optimize();
    assert.deepEqual([result.filesRemoved, result.leftAloneCount], [2, 1]);
    assert.equal(result.leftAlone[0]?.path, second.path);
    assert.match(result.leftAlone[0]?.reason ?? '', /its pages cannot be read|as its footer says/);
  });

  it('is refused for a table that is not there', async () => {
    const world = await createOptimizeWorld();
    await assert.rejects(world.optimize({}, createMemoryStore()), (error) => isDeltaError(error, 'TABLE_NOT_FOUND'));
  });
});
