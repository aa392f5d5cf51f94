import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { statsJson } from '../../src/delta/stats.ts';
import { isParquetError, type ParquetErrorCode } from '../../src/parquet/errors.ts';
import { parseFooter } from '../../src/parquet/footer.ts';
import { readFooter, TAIL_BYTES } from '../../src/parquet/footer-reader.ts';
import { fileColumns } from '../../src/parquet/schema.ts';
import { fileStatistics } from '../../src/parquet/statistics.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError } from '../../src/storage/object-store.ts';
import { createCountingStore } from '../support/counting-store.ts';
import {
  binary,
  EMPTY,
  footerBytes,
  group,
  int,
  leaf,
  list,
  parquetFile,
  struct,
  type Thrift,
  varint,
} from './footer-builder.ts';

const FIXTURES = new URL('../fixtures/parquet/', import.meta.url);
const MiB = 1024 * 1024;

function fixture(name: string): Uint8Array {
  return readFileSync(new URL(name, FIXTURES));
}

const SIMPLE = parquetFile(footerBytes({ columns: [leaf('a', 'INT32')], rowGroups: [{ rowCount: 3 }] }));

function codeOf(bytes: Uint8Array, fileSize = bytes.length): ParquetErrorCode | 'ok' {
  try {
    parseFooter(bytes, { fileSize });
    return 'ok';
  } catch (error) {
    if (isParquetError(error)) return error.code;
    throw error;
  }
}

describe('parseFooter', () => {
  it('reads rows, columns and levels', () => {
    const columns = [
      leaf('id', 'INT64', { repetition: 'required' }),
      group('s', [leaf('x', 'DOUBLE'), group('r', [leaf('y', 'BYTE_ARRAY')], { repetition: 'repeated' })]),
    ];
    const bytes = footerBytes({ columns, rowGroups: [{ rowCount: 3 }, { rowCount: 4 }], createdBy: 'a writer' });
    const footer = parseFooter(parquetFile(bytes));

    assert.equal(footer.rowCount, 7);
    assert.equal(footer.createdBy, 'a writer');
    assert.deepEqual(
      footer.columns.map(({ path, physical, definition, repeats }) => [path.join('.'), physical, definition, repeats]),
      [
        ['id', 'INT64', 0, 0],
        ['s.x', 'DOUBLE', 2, 0],
        ['s.r.y', 'BYTE_ARRAY', 3, 1],
      ],
    );
    assert.deepEqual(
      footer.rowGroups.map(({ rowCount }) => rowCount),
      [3, 4],
    );
  });

  it('reads only the end of a larger file', () => {
    const tail = Buffer.concat([Buffer.from('some data'), SIMPLE.subarray(4)]);
    assert.equal(parseFooter(tail, { fileSize: 1_000_000 }).rowCount, 3);
  });

  it('passes over fields that it does not know, of any wire type', () => {
    const known = [...footerBytes({ columns: [leaf('a', 'INT32')] })].slice(0, -1);
    const unknown = struct({
      30: int(-1),
      31: list([int(1, 5), int(2, 5)]),
      32: struct({ 1: EMPTY, 2: binary('x') }),
      33: { type: 7, bytes: [0, 0, 0, 0, 0, 0, 0, 0] },
      34: { type: 11, bytes: [1, 0x85, 1, 120, 2] },
      35: { type: 9, bytes: [0x31, 1, 0, 1] },
      36: { type: 1, bytes: [] },
      37: { type: 3, bytes: [7] },
    });
    // The field ids of the second part go on from 7, the last known one.
    const rest = struct({ 23: unknown });
    assert.equal(codeOf(parquetFile(Uint8Array.from([...known, ...rest.bytes]))), 'ok');
  });

  it('says what is wrong with a file, by code', () => {
    const cases: readonly [string, Uint8Array, ParquetErrorCode][] = [
      ['no bytes', new Uint8Array(0), 'EMPTY'],
      ['one byte', Buffer.from('P'), 'NOT_PARQUET'],
      ['the magic alone', Buffer.from('PAR1'), 'TRUNCATED'],
      ['eleven bytes', Buffer.from('PAR1\0\0\0PAR1'), 'TRUNCATED'],
      ['text', Buffer.from('id,name\n1,Anna\n2,Bob\n'), 'NOT_PARQUET'],
      ['the end without the start', Buffer.concat([Buffer.from('XXXX'), SIMPLE.subarray(4)]), 'NOT_PARQUET'],
      ['the start without the end', SIMPLE.subarray(0, -5), 'TRUNCATED'],
      ['a footer that is longer than the file', Buffer.from('PAR1\xff\0\0\0PAR1', 'latin1'), 'TRUNCATED'],
      ['an empty footer', Buffer.from('PAR1\0\0\0\0PAR1'), 'CORRUPT'],
      ['an encrypted footer', parquetFile(new Uint8Array(100), 'PARE'), 'ENCRYPTED'],
      ['an encrypted footer of pyarrow', fixture('pyarrow-encrypted.parquet'), 'ENCRYPTED'],
      ['an encrypted column of pyarrow', fixture('pyarrow-encrypted-column.parquet'), 'ENCRYPTED'],
    ];
    for (const [name, bytes, code] of cases) assert.equal(codeOf(bytes), code, name);
  });

  it('refuses footers that contradict themselves or the file', () => {
    const columns = [leaf('a', 'INT32'), leaf('b', 'INT32')];
    const withChunk = (chunk: object) => footerBytes({ columns, rowGroups: [{ rowCount: 3, chunks: [chunk] }] });
    const cases: readonly [string, Uint8Array, ParquetErrorCode][] = [
      ['rows that do not add up', footerBytes({ columns, rowCount: 4, rowGroups: [{ rowCount: 3 }] }), 'CORRUPT'],
      ['the path of another column', withChunk({ path: ['b'] }), 'CORRUPT'],
      ['a longer path', withChunk({ path: ['a', 'x'] }), 'CORRUPT'],
      ['another type', withChunk({ type: 2 }), 'CORRUPT'],
      ['data in another file', withChunk({ filePath: 'other.parquet' }), 'CORRUPT'],
      ['data behind the end', withChunk({ dataPage: 4, compressedSize: 5000 }), 'TRUNCATED'],
      ['an encrypted column', withChunk({ encrypted: true }), 'ENCRYPTED'],
      ['no rows', Uint8Array.from(struct({ 2: list([struct({ 4: binary('r'), 5: int(0, 5) })]) }).bytes), 'CORRUPT'],
      ['no schema', Uint8Array.from(struct({ 3: int(0) }).bytes), 'CORRUPT'],
    ];
    for (const [name, footer, code] of cases) assert.equal(codeOf(parquetFile(footer)), code, name);
  });

  it('refuses schemas that are no tree', () => {
    const root = (children: number) => struct({ 4: binary('schema'), 5: int(children, 5) });
    const column = (fields: object = {}) => struct({ 1: int(1, 5), 3: int(1, 5), 4: binary('a'), ...fields });
    const deep = Array.from({ length: 500 }, () => struct({ 3: int(1, 5), 4: binary('a'), 5: int(1, 5) }));
    const cases: Readonly<Record<string, Parameters<typeof list>[0]>> = {
      'no root': [],
      'a root that is a column': [column()],
      'a child too many': [root(1), column(), column()],
      'a child too few': [root(3), column()],
      'an unknown repetition': [root(1), column({ 3: int(7, 5) })],
      'an unknown type': [root(1), column({ 1: int(9, 5) })],
      'a type and children': [root(1), struct({ 1: int(1, 5), 3: int(1, 5), 4: binary('a'), 5: int(1, 5) }), column()],
      'no name': [root(1), struct({ 1: int(1, 5), 3: int(1, 5) })],
      'a name that is not UTF-8': [root(1), column({ 4: binary(Uint8Array.from([0xff])) })],
      'a depth without bound': [root(1), ...deep, column()],
    };
    for (const [name, elements] of Object.entries(cases)) {
      const footer = struct({ 2: list(elements), 3: int(0), 4: list([]) });
      assert.equal(codeOf(parquetFile(Uint8Array.from(footer.bytes))), 'CORRUPT', name);
    }
  });

  it('does not believe the lengths that bytes claim', () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0x07];
    const claims: Readonly<Record<string, readonly number[]>> = {
      'a schema of two thousand million elements': [0x29, 0xfc, ...huge],
      'lists of lists, each of them huge': [0x29, ...Array.from({ length: 30 }, () => [0xf9, ...huge]).flat()],
      'a binary of two thousand million bytes': [0x68, ...huge],
      'a map of two thousand million entries': [0xfb, ...huge, 0x88],
      'an integer without end': [0x36, ...Array.from({ length: 100_000 }, () => 0xff)],
      'structs without end': Array.from({ length: 100_000 }, () => 0xfc),
      'lists without end': [0xf9, ...Array.from({ length: 100_000 }, () => 0x19)],
      'an unknown wire type': [0xfd, 0, 0],
    };
    for (const [name, bytes] of Object.entries(claims)) {
      assert.equal(codeOf(parquetFile(Uint8Array.from(bytes))), 'CORRUPT', name);
    }
  });

  it('bounds what many small things take', () => {
    const FIELD_2_LIST = 0x29;
    const LONG_LIST_OF_STRUCTS = 0xfc;
    const many = (count: number, item: Thrift) => {
      const header = [LONG_LIST_OF_STRUCTS, ...varint(BigInt(count))];
      return Buffer.concat([Buffer.from(header), Buffer.alloc(count * item.bytes.length, Buffer.from(item.bytes))]);
    };
    const element = struct({ 1: int(1, 5), 3: int(1, 5), 4: binary('') });
    const elements = Buffer.concat([Buffer.from([FIELD_2_LIST]), many(200_000, element), Buffer.from([0])]);
    assert.equal(codeOf(parquetFile(elements)), 'FOOTER_TOO_LARGE');

    const start = struct({ 2: list([struct({ 4: binary('s'), 5: int(0, 5) })]), 3: int(0), 4: list([]) }).bytes;
    const group = struct({ 1: list([]), 3: int(0) });
    const groups = Buffer.concat([Buffer.from(start.slice(0, -2)), many(150_000, group), Buffer.from([0])]);
    assert.equal(codeOf(parquetFile(groups)), 'FOOTER_TOO_LARGE');
  });

  it('refuses a footer over the limit', () => {
    const { length } = SIMPLE;
    assert.equal(parseFooter(SIMPLE, { maxFooterBytes: length - 12 }).rowCount, 3);
    assert.throws(
      () => parseFooter(SIMPLE, { maxFooterBytes: length - 13 }),
      (error) => isParquetError(error, 'FOOTER_TOO_LARGE'),
    );
  });
});

describe('any bytes', () => {
  const files = readdirSync(FIXTURES).filter((name) => name.endsWith('.parquet'));
  const originals = files.map(fixture);

  /** Goes through everything that looks at a footer. */
  function use(bytes: Uint8Array): void {
    try {
      const footer = parseFooter(bytes);
      const { schema } = fileColumns(footer);
      const statistics = fileStatistics(footer);
      const json = statsJson(statistics, {
        schema,
        partitionColumns: [],
        configuration: { 'delta.dataSkippingNumIndexedCols': '-1' },
      });
      JSON.parse(json);
      for (const column of footer.columns) statistics.nulls(column.path);
    } catch (error) {
      if (!isParquetError(error)) throw error;
    }
  }

  it('are a footer or a ParquetError, when a good file is changed', () => {
    const change = fc.record({
      at: fc.nat(),
      value: fc.nat({ max: 255 }),
      kind: fc.constantFrom('set', 'insert', 'delete'),
    });
    fc.assert(
      fc.property(
        fc.nat({ max: originals.length - 1 }),
        fc.array(change, { minLength: 1, maxLength: 6 }),
        (file, changes) => {
          const original = originals[file] ?? new Uint8Array(0);
          const length = new DataView(original.buffer, original.byteOffset + original.length - 8).getUint32(0, true);
          const footer = [...original.subarray(original.length - 8 - length, original.length - 8)];
          for (const { at, value, kind } of changes) {
            const position = at % footer.length;
            if (kind === 'set') footer[position] = value;
            else if (kind === 'insert') footer.splice(position, 0, value);
            else footer.splice(position, 1);
          }
          use(parquetFile(Uint8Array.from(footer)));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('are a footer or a ParquetError, when a good file is cut', () => {
    for (const original of originals) {
      for (let end = 0; end < original.length; end += 7) {
        use(original.subarray(0, end));
        use(original.subarray(end));
      }
    }
  });

  it('are a ParquetError, when they are random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        use(bytes);
        use(parquetFile(bytes));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('readFooter', () => {
  const wide = Array.from({ length: 2000 }, (_, index) => leaf(`a column with a long name, number ${index}`, 'INT32'));
  const LARGE = parquetFile(footerBytes({ columns: wide, rowGroups: [{ rowCount: 5 }] }));

  async function storeWith(body: Uint8Array) {
    const store = createCountingStore(createMemoryStore());
    await store.put('t/a.parquet', body);
    const info = await store.head('t/a.parquet');
    store.reset();
    return { store, version: { size: body.length, etag: info?.etag ?? '' } };
  }

  it('takes one request for the usual file, whatever its size', async () => {
    for (const data of [0, MiB]) {
      const { store, version } = await storeWith(
        Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(data), SIMPLE.subarray(4)]),
      );
      const footer = await readFooter(store, 't/a.parquet', version);
      assert.equal(footer.rowCount, 3);
      assert.deepEqual([store.counts.get, store.requests.length], [1, 1]);
      assert.ok(store.counts.bytesRead <= TAIL_BYTES);
    }
  });

  it('gives files with the same schema the same tree, and others another', async () => {
    const read = async (body: Uint8Array) => {
      const { store, version } = await storeWith(body);
      return (await readFooter(store, 't/a.parquet', version)).root;
    };
    const root = await read(SIMPLE);
    assert.equal(await read(SIMPLE), root);
    assert.notEqual(await read(LARGE), root);
    assert.equal(await read(SIMPLE), root);
  });

  it('takes exactly one more for a footer that is longer than the tail', async () => {
    assert.ok(LARGE.length > TAIL_BYTES);
    const { store, version } = await storeWith(
      Buffer.concat([Buffer.from('PAR1'), Buffer.alloc(MiB), LARGE.subarray(4)]),
    );
    const footer = await readFooter(store, 't/a.parquet', version);
    assert.equal(footer.columns.length, 2000);
    assert.equal(footer.rowCount, 5);
    assert.deepEqual([store.counts.get, store.requests.length], [2, 2]);
    assert.equal(store.counts.bytesRead, LARGE.length - 4);
  });

  it('reads nothing of an empty file, and no more of a footer that is too large', async () => {
    const empty = await storeWith(new Uint8Array(0));
    await assert.rejects(readFooter(empty.store, 't/a.parquet', empty.version), (error) =>
      isParquetError(error, 'EMPTY'),
    );
    assert.equal(empty.store.requests.length, 0);

    const large = await storeWith(LARGE);
    await assert.rejects(
      readFooter(large.store, 't/a.parquet', large.version, { maxFooterBytes: TAIL_BYTES }),
      (error) => isParquetError(error, 'FOOTER_TOO_LARGE'),
    );
    assert.equal(large.store.counts.get, 1);
  });

  it('tells a large file without its end from one that never was Parquet', async () => {
    const cases: readonly [string, ParquetErrorCode][] = [
      ['PAR1', 'TRUNCATED'],
      ['id,n', 'NOT_PARQUET'],
    ];
    for (const [start, code] of cases) {
      const { store, version } = await storeWith(Buffer.concat([Buffer.from(start), Buffer.alloc(2 * TAIL_BYTES)]));
      await assert.rejects(readFooter(store, 't/a.parquet', version), (error) => isParquetError(error, code));
      assert.equal(store.counts.get, 2);
    }
  });

  it('names the key in its errors', async () => {
    const { store, version } = await storeWith(Buffer.from('not a Parquet file'));
    await assert.rejects(readFooter(store, 't/a.parquet', version), (error) => {
      return (
        isParquetError(error, 'NOT_PARQUET') && error.data.key === 't/a.parquet' && /t\/a\.parquet/.test(error.message)
      );
    });
  });

  it('refuses another version of the object, also between its two requests', async () => {
    const { store, version } = await storeWith(LARGE);
    const stale = (error: unknown) => isStoreError(error, 'PRECONDITION_FAILED');
    await assert.rejects(readFooter(store, 't/a.parquet', { ...version, etag: 'other' }), stale);
    await assert.rejects(readFooter(store, 't/a.parquet', { size: version.size - 1 }), stale);

    const overwritten = {
      ...store,
      get: async (key: string, options?: Parameters<typeof store.get>[1]) => {
        const object = await store.get(key, options);
        await store.put(key, Buffer.concat([LARGE.subarray(0, 4), LARGE]).subarray(0, LARGE.length));
        return object;
      },
    };
    await assert.rejects(readFooter(overwritten, 't/a.parquet', { size: version.size }), stale);
  });

  it('hands on that the object is gone', async () => {
    await assert.rejects(readFooter(createMemoryStore(), 'none', { size: 100 }), (error) =>
      isStoreError(error, 'NOT_FOUND'),
    );
  });
});
