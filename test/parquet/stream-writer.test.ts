import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { DataType, StructType } from '../../src/delta/schema.ts';
import { isParquetError } from '../../src/parquet/errors.ts';
import { parseFooter } from '../../src/parquet/footer.ts';
import { absentSlice } from '../../src/parquet/write/absent-slice.ts';
import { buildColumns } from '../../src/parquet/write/build-column.ts';
import {
  type ColumnBatch,
  type StreamWriteOptions,
  writeParquetStream,
} from '../../src/parquet/write/stream-writer.ts';

const SCHEMA = structOf({ id: 'long', text: 'string' });

describe('writeParquetStream', () => {
  it('writes batch after batch, and yields pieces before the last one is there', async () => {
    let batches = 0;
    const early: number[] = [];
    async function* source(): AsyncGenerator<ColumnBatch> {
      for (; batches < 40; batches++) yield batch(batches * 1000, 1000);
    }
    const stream = writeParquetStream(SCHEMA, source(), { maxRowGroupBytes: 100_000 });
    const pieces: Uint8Array[] = [];
    for await (const piece of stream.pieces) {
      early.push(batches);
      pieces.push(piece);
    }
    const bytes = Buffer.concat(pieces);
    assert.ok((early[0] ?? 40) < 40, `the first piece came after batch ${early[0]}`);
    const { rows, bytes: size, footer } = stream.summary();
    assert.deepEqual([rows, size], [40_000, bytes.length]);
    assert.ok(footer.rowGroups.length > 2);
    const read = await readRows(bytes);
    assert.equal(read.length, 40_000);
    assert.deepEqual(read.at(-1), { id: 39_999n, text: 'row 39999' });
  });

  it('ends row groups by rows as well', async () => {
    const { footer } = await written({ maxRowGroupRows: 300 });
    assert.deepEqual(
      footer.rowGroups.map(({ rowCount }) => rowCount),
      [300, 300, 300, 100],
    );
  });

  for (const compression of ['zstd', 'snappy', 'uncompressed'] as const) {
    it(`compresses as asked: ${compression}`, async () => {
      const { bytes } = await written({ compression });
      assert.equal((await readRows(bytes)).length, 1000);
    });
  }

  it('lets the end of the file be changed', async () => {
    let seen = 0;
    const finish: StreamWriteOptions['finish'] = ({ bytes, footer }) => {
      seen = footer.rowCount;
      return bytes;
    };
    await written({ finish });
    assert.equal(seen, 1000);
  });

  it('has no summary before the end', () => {
    const stream = writeParquetStream(SCHEMA, empty());
    assert.throws(() => stream.summary(), TypeError);
  });

  it('writes the schema of a file without rows', async () => {
    const stream = writeParquetStream(SCHEMA, empty());
    const bytes = Buffer.concat(await Array.fromAsync(stream.pieces));
    const footer = parseFooter(bytes);
    assert.deepEqual([footer.rowCount, footer.columns.length], [0, 2]);
  });

  it('throws what its source throws, at the first batch too, and ends no file', async () => {
    for (const good of [0, 1, 30]) {
      async function* failing(): AsyncGenerator<ColumnBatch> {
        for (let index = 0; index < good; index++) yield batch(0, 5000);
        throw new RangeError('no more');
      }
      const pieces: Uint8Array[] = [];
      await assert.rejects(async () => {
        const { pieces: parts } = writeParquetStream(SCHEMA, failing(), { maxRowGroupBytes: 100_000 });
        for await (const piece of parts) pieces.push(piece);
      }, /no more/);
      assert.throws(() => parseFooter(Buffer.concat(pieces)), isParquetError);
    }
  });
});

describe('absentSlice', () => {
  it('is null in every row, whatever the type', async () => {
    const types: Readonly<Record<string, DataType>> = {
      ...Object.fromEntries(
        ['string', 'binary', 'boolean', 'byte', 'short', 'integer', 'long', 'float', 'double', 'date'].map((type) => [
          type,
          type,
        ]),
      ),
      timestamp: 'timestamp',
      ntz: 'timestamp_ntz',
      decimal: 'decimal(20,2)',
      array: { type: 'array', elementType: 'long', containsNull: true },
      map: { type: 'map', keyType: 'string', valueType: structOf({ a: 'long' }), valueContainsNull: true },
      struct: structOf({ a: 'long', b: structOf({ c: 'string' }) }),
    };
    const schema = structOf(types);
    async function* source(): AsyncGenerator<ColumnBatch> {
      yield { length: 11, columns: schema.fields.map(({ type }) => absentSlice(type, 11)) };
    }
    const bytes = Buffer.concat(await Array.fromAsync(writeParquetStream(schema, source()).pieces));
    const expected = Object.fromEntries(Object.keys(types).map((name) => [name, undefined]));
    for (const row of await readRows(bytes)) {
      for (const name of Object.keys(expected)) assert.equal(row[name] ?? undefined, undefined, name);
    }
    assert.equal((await readRows(bytes)).length, 11);
  });
});

async function* empty(): AsyncGenerator<ColumnBatch> {}

function batch(first: number, length: number): ColumnBatch {
  const columns = buildColumns(SCHEMA).map(({ column }) => column);
  for (let row = first; row < first + length; row++) {
    columns[0]?.append(row);
    columns[1]?.append(`row ${row}`);
  }
  return { length, columns: columns.map((column) => column.slice(0, length)) };
}

async function written(options: StreamWriteOptions) {
  async function* source(): AsyncGenerator<ColumnBatch> {
    for (let first = 0; first < 1000; first += 100) yield batch(first, 100);
  }
  const stream = writeParquetStream(SCHEMA, source(), options);
  const bytes = Buffer.concat(await Array.fromAsync(stream.pieces));
  return { bytes, footer: stream.summary().footer };
}

function readRows(bytes: Uint8Array): Promise<Record<string, unknown>[]> {
  return parquetReadObjects({ file: new Uint8Array(bytes).buffer, compressors });
}

function structOf(fields: Readonly<Record<string, DataType>>): StructType {
  return {
    type: 'struct',
    fields: Object.entries(fields).map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
  };
}
