import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type ColumnChunk, columnChunks } from '../../src/parquet/column-chunk.ts';
import { type Cell, ColumnReader, type ColumnReaderOptions } from '../../src/parquet/column-reader.ts';
import { isParquetError } from '../../src/parquet/errors.ts';
import { type Footer, parseFooter } from '../../src/parquet/footer.ts';
import { isDataPage, parsePageHeader } from '../../src/parquet/page-header.ts';
import type { RangeSource } from '../../src/parquet/range-source.ts';
import { bindColumn, leavesOf, recordColumn } from '../../src/parquet/record-columns.ts';
import type { LeafNode } from '../../src/parquet/schema-node.ts';
import { type ParquetWriteOptions, writeRowsParquet } from '../support/parquet-rows.ts';

const OPTIONS: ColumnReaderOptions = { blockBytes: 4096, maxPageBytes: 1 << 20, maxCallBytes: 1 << 24 };

/** Everything of interest hangs below one struct, as in a checkpoint. */
const COLUMNS = {
  r: {
    struct: {
      text: 'string',
      long: 'long',
      int: 'int',
      flag: 'boolean',
      list: { list: 'string' },
      map: { map: 'string' },
    },
  },
} as const;
const SPEC = { text: 'string', long: 'integer', int: 'integer', flag: 'boolean', list: 'list', map: 'map' } as const;

interface Row {
  readonly text?: string;
  readonly long?: number;
  readonly int?: number;
  readonly flag?: boolean;
  readonly list?: readonly (string | null)[];
  readonly map?: Readonly<Record<string, string | null>>;
}

/** Rows with nulls, runs of nulls, repeated and unique values, empty and long lists. */
function sampleRows(count: number): (Row | undefined)[] {
  return Array.from({ length: count }, (_, row) => {
    if (row % 97 > 60) return undefined;
    return {
      ...(row % 3 !== 0 && { text: row % 2 === 0 ? `same text` : `text of row ${row} é` }),
      ...(row % 5 !== 0 && { long: row % 2 === 0 ? 2 ** 40 + row : -row }),
      ...(row % 7 !== 0 && { int: row % 11 === 0 ? -(2 ** 31) : row * 1000 }),
      ...(row % 4 !== 0 && { flag: row % 8 > 5 }),
      ...(row % 6 !== 0 && { list: Array.from({ length: row % 9 }, (_, i) => (i === 2 ? null : `${row}.${i}`)) }),
      ...(row % 10 !== 0 && {
        map: Object.fromEntries(Array.from({ length: row % 4 }, (_, i) => [`k${i}`, `${row}`])),
      }),
    };
  });
}

/** What the leaf columns of the sample hold, by dotted path without the names of the groups in lists and maps. */
function expectedCells(rows: readonly (Row | undefined)[]): Map<string, Cell[]> {
  const columns = new Map<string, Cell[]>();
  for (const name of ['text', 'long', 'int', 'flag', 'list'] as const) {
    columns.set(
      name,
      rows.map((row) => row?.[name] ?? null),
    );
  }
  columns.set(
    'map.key',
    rows.map((row) => (row?.map ? Object.keys(row.map) : null)),
  );
  columns.set(
    'map.value',
    rows.map((row) => (row?.map ? Object.values(row.map) : null)),
  );
  return columns;
}

interface OpenFile {
  readonly footer: Footer;
  readonly source: RangeSource;
  readonly chunks: ReadonlyMap<string, { readonly chunk: ColumnChunk; readonly elementLevel: number }>;
}

function openFile(bytes: Uint8Array, column = recordColumn('r', 'text', SPEC, (record) => record)): OpenFile {
  const footer = parseFooter(bytes, { fileSize: bytes.length });
  const bound = bindColumn(footer.root, column);
  assert.ok(bound);
  const [group] = columnChunks(footer, new Set(footer.columns), bytes.length);
  const chunks = leavesOf(bound.field).map(({ leaf, elementLevel }) => {
    const chunk = group?.get(leaf.column);
    assert.ok(chunk);
    return [shortPath(leaf), { chunk, elementLevel }] as const;
  });
  return { footer, source: sourceOf(bytes), chunks: new Map(chunks) };
}

function shortPath({ path, repeats }: LeafNode): string {
  if (repeats === 0) return path.slice(1).join('.');
  const last = path.at(-1);
  return last === 'key' || last === 'value' ? `${path[1]}.${last}` : `${path[1]}`;
}

function sourceOf(bytes: Uint8Array): RangeSource {
  return {
    holds: () => false,
    read: async ({ start, end }) => Buffer.from(bytes.subarray(start, end)),
  };
}

function openColumn(
  { source, chunks }: OpenFile,
  name: string,
  options: Partial<ColumnReaderOptions> = {},
): ColumnReader {
  const found = chunks.get(name);
  assert.ok(found, `no column ${name}`);
  return new ColumnReader(source, found.chunk, found.elementLevel, { ...OPTIONS, ...options });
}

function writeSample(rows: readonly (Row | undefined)[], options: ParquetWriteOptions = {}): Uint8Array {
  return writeRowsParquet(
    rows.map((r) => ({ r })),
    COLUMNS,
    options,
  );
}

async function assertReadsAll(bytes: Uint8Array, rows: readonly (Row | undefined)[]): Promise<void> {
  const file = openFile(bytes);
  for (const [name, cells] of expectedCells(rows)) {
    const actual = await openColumn(file, name).readRows(rows.map((_, row) => row));
    assert.deepEqual(actual, cells, name);
  }
}

/** Of columns that are in no struct, which are those whose encoding parquet-wasm lets us choose. */
async function assertReadsFlat(rows: readonly (Row | undefined)[], options: ParquetWriteOptions): Promise<void> {
  const bytes = writeFlat(rows, options);
  const encodings = Object.entries(options.encodings ?? {});
  for (const [name, encoding] of encodings) {
    const chunk = flatChunk(bytes, name);
    const reader = new ColumnReader(sourceOf(bytes), chunk, 0, OPTIONS);
    const actual = await reader.readRows(rows.map((_, row) => row));
    assert.deepEqual(actual, expectedCells(rows).get(name), name);
    assert.equal(encodingOf(bytes, chunk), encoding, name);
  }
}

function writeFlat(rows: readonly (Row | undefined)[], options: ParquetWriteOptions): Uint8Array {
  return writeRowsParquet(
    rows.map((row) => row ?? {}),
    { text: 'string', long: 'long', int: 'int', flag: 'boolean' },
    options,
  );
}

function flatChunk(bytes: Uint8Array, name: string): ColumnChunk {
  const footer = parseFooter(bytes);
  const leaf = footer.columns.find(({ path }) => path[0] === name);
  assert.ok(leaf);
  const chunk = columnChunks(footer, new Set([leaf]), bytes.length)[0]?.get(leaf.column);
  assert.ok(chunk);
  return chunk;
}

/** The encoding of the first page. */
function encodingOf(bytes: Uint8Array, { range }: ColumnChunk): string {
  const { header } = parsePageHeader(bytes.subarray(range.start, range.end));
  assert.ok(isDataPage(header));
  return header.encoding;
}

describe('reads every row of every column', () => {
  const rows = sampleRows(700);
  for (const compression of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD', 'LZ4_RAW'] as const) {
    for (const pageVersion of [1, 2] as const) {
      test(`${compression}, data pages of version ${pageVersion}`, async () => {
        await assertReadsAll(writeSample(rows, { compression, pageVersion, pageSize: 1024 }), rows);
      });
    }
  }

  test('without a dictionary', async () => {
    await assertReadsAll(writeSample(rows, { dictionary: false, pageSize: 512 }), rows);
  });

  for (const pageVersion of [1, 2] as const) {
    test(`delta encodings, data pages of version ${pageVersion}`, async () => {
      const encodings = {
        long: 'DELTA_BINARY_PACKED',
        int: 'DELTA_BINARY_PACKED',
        text: 'DELTA_BYTE_ARRAY',
        flag: 'RLE',
      } as const;
      await assertReadsFlat(rows, { encodings, pageVersion, pageSize: 1024 });
      await assertReadsFlat(rows, { encodings: { ...encodings, text: 'DELTA_LENGTH_BYTE_ARRAY' }, pageVersion });
    });
  }

  test('extreme integers in delta encoding', async () => {
    const ints = [0, 2 ** 31 - 1, -(2 ** 31), 5, -1, 2 ** 31 - 1, 1 - 2 ** 31];
    const longs = [0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 62, -(2 ** 63), 7, 2 ** 40];
    const extremes = Array.from({ length: 300 }, (_, row) => ({ int: ints[row % 7] ?? 0, long: longs[row % 7] ?? 0 }));
    await assertReadsFlat(extremes, { encodings: { long: 'DELTA_BINARY_PACKED', int: 'DELTA_BINARY_PACKED' } });
  });

  test('integers in constant steps, of which many are passed over', async () => {
    const steps = Array.from({ length: 2000 }, (_, row) => ({
      int: row < 900 ? (row * 3_000_000) | 0 : row % 7,
      long: row < 1100 ? 2 ** 50 - row * 2 ** 38 : row ** 2,
    }));
    const encodings = { int: 'DELTA_BINARY_PACKED', long: 'DELTA_BINARY_PACKED' } as const;
    const bytes = writeFlat(steps, { encodings });
    const wanted = [0, 1, 2, 31, 33, 64, 700, 899, 900, 901, 1099, 1100, 1105, 1999];
    for (const name of ['int', 'long'] as const) {
      const reader = new ColumnReader(sourceOf(bytes), flatChunk(bytes, name), 0, OPTIONS);
      const expected = wanted.map((row) => steps[row]?.[name]);
      assert.deepEqual(
        [...(await reader.readRows(wanted.slice(0, 5))), ...(await reader.readRows(wanted.slice(5)))],
        expected,
      );
    }
  });

  test('rows that go on in the next page', async () => {
    const folder = new URL('../fixtures/checkpoints/', import.meta.url);
    const bytes = await readFile(new URL('split-rows.parquet', folder));
    const split = JSON.parse(await readFile(new URL('split-rows.json', folder), 'utf8')) as Row[];
    const footer = parseFooter(bytes);
    const [group] = columnChunks(footer, new Set(footer.columns), bytes.length);
    const expected = [...expectedCells(split)].filter(([name]) => /list|map|text/.test(name));
    const order = ['list', 'map.key', 'map.value', 'text'];
    for (const [name, cells] of expected) {
      const chunk = group?.get(order.indexOf(name));
      assert.ok(chunk);
      const elementLevel = chunk.leaf.repeats === 0 ? 0 : 2;
      for (const step of [1, 3, 4]) {
        const wanted = split.map((_, row) => row).filter((row) => row % step === step - 1);
        const reader = new ColumnReader(sourceOf(bytes), chunk, elementLevel, OPTIONS);
        assert.deepEqual(
          await reader.readRows(wanted),
          wanted.map((row) => cells[row]),
          `${name}, step ${step}`,
        );
      }
    }
  });
});

describe('reads a part of the rows', () => {
  const rows = sampleRows(400);
  const expected = expectedCells(rows);
  const layouts: ParquetWriteOptions[] = [
    { pageSize: 256 },
    // parquet-rs writes plain values in pages of version 1, and delta encodings in those of version 2.
    { pageSize: 256, dictionary: false },
    { pageSize: 256, dictionary: false, pageVersion: 2 },
    { pageSize: 256, compression: 'SNAPPY' },
  ];
  const files = layouts.map((layout) => openFile(writeSample(rows, layout)));
  const fileAt = (index: number) => files[index] ?? assert.fail();

  test('any ascending rows, in any number of calls', async () => {
    const property = fc.asyncProperty(
      fc.nat(files.length - 1),
      fc.constantFrom(...expected.keys()),
      fc.uniqueArray(fc.nat(rows.length - 1), { maxLength: 60 }),
      fc.integer({ min: 1, max: 25 }),
      fc.integer({ min: 1, max: 3000 }),
      async (file, name, picked, callSize, blockBytes) => {
        const wanted = picked.toSorted((a, b) => a - b);
        const reader = openColumn(fileAt(file), name, { blockBytes });
        const cells: Cell[] = [];
        for (let start = 0; start < wanted.length; start += callSize) {
          cells.push(...(await reader.readRows(wanted.slice(start, start + callSize))));
        }
        assert.deepEqual(
          cells,
          wanted.map((row) => expected.get(name)?.[row]),
        );
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });

  test('only the values that are there, up to a row or a number', async () => {
    const property = fc.asyncProperty(
      fc.nat(files.length - 1),
      fc.constantFrom('text', 'long', 'int', 'flag'),
      fc.array(fc.record({ rows: fc.nat(80), limit: fc.integer({ min: 1, max: 40 }) }), { maxLength: 20 }),
      async (file, name, calls) => {
        const reader = openColumn(fileAt(file), name);
        const column = expected.get(name) ?? [];
        let left = column.flatMap((cell, row) => (cell === null ? [] : [{ row, cell }]));
        for (const call of calls) {
          assert.equal(await reader.nextPresentRow(), left[0]?.row);
          const endRow = (left[0]?.row ?? 0) + call.rows;
          const part = left.filter(({ row }) => row < endRow).slice(0, call.limit);
          const { rows: presentRows, cells } = await reader.readPresent(endRow, call.limit);
          assert.deepEqual(
            { presentRows, cells },
            { presentRows: part.map(({ row }) => row), cells: part.map(({ cell }) => cell) },
          );
          left = left.slice(part.length);
        }
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  test('pages without a wanted row are not read', async () => {
    const many = sampleRows(20_000);
    const bytes = writeSample(many, { pageSize: 32_768, dictionary: false, pageVersion: 2 });
    const { source, chunks } = openFile(bytes);
    let requested = 0;
    const counting: RangeSource = {
      holds: source.holds,
      read: (range) => {
        requested += range.end - range.start;
        return source.read(range);
      },
    };
    const { chunk, elementLevel } = chunks.get('text') ?? assert.fail();
    const reader = new ColumnReader(counting, chunk, elementLevel, { ...OPTIONS, blockBytes: 256 });
    assert.deepEqual(await reader.readRows([19_999]), [expectedCells(many).get('text')?.[19_999]]);
    assert.ok(requested < (chunk.range.end - chunk.range.start) / 2, `${requested} bytes of ${chunk.range.end}`);
  });
});

describe('refuses', () => {
  const rows = sampleRows(50);

  async function assertCorrupt(read: () => Promise<unknown>, message: RegExp): Promise<void> {
    await assert.rejects(read, (error: unknown) => {
      assert.ok(isParquetError(error, 'CORRUPT'), String(error));
      assert.match(error.message, message);
      assert.match(String(error.data.column), /\w/);
      return true;
    });
  }

  test('an encoding that it does not know', async () => {
    const bytes = writeFlat(rows, { encodings: { long: 'BYTE_STREAM_SPLIT' } });
    const reader = new ColumnReader(sourceOf(bytes), flatChunk(bytes, 'long'), 0, OPTIONS);
    await assertCorrupt(() => reader.readRows([1]), /"long".*BYTE_STREAM_SPLIT/);
  });

  test('a page above the limit', async () => {
    const reader = openColumn(openFile(writeSample(rows)), 'list', { maxPageBytes: 100 });
    await assertCorrupt(() => reader.readRows([1]), /the limit is 100/);
  });

  test('rows that are not there', async () => {
    await assertCorrupt(() => openColumn(openFile(writeSample(rows)), 'long').readRows([50]), /ends before row 50/);
    await assertCorrupt(() => openColumn(openFile(writeSample(rows)), 'list').readRows([49, 50]), /ends before row 50/);
  });

  test('a page whose body is damaged', async () => {
    const bytes = writeSample(rows, { compression: 'ZSTD', dictionary: false });
    const { chunk } = openFile(bytes).chunks.get('text') ?? assert.fail();
    bytes.fill(0xff, chunk.range.end - 20, chunk.range.end);
    await assertCorrupt(() => openColumn(openFile(bytes), 'text').readRows([1]), /the page at byte \d+ cannot be read/);
  });

  test('a few bytes that claim a billion values', async () => {
    const text = 'x'.repeat(1000);
    const dictionary = Buffer.concat([int32(text.length), Buffer.from(text)]);
    const runs = Buffer.concat([varint(2 ** 30 * 2), Buffer.from([0])]);
    const levels = Buffer.concat([varint(2 ** 30 * 2), Buffer.from([1])]);
    const body = Buffer.concat([int32(levels.length), levels, Buffer.from([1]), runs]);
    const bytes = Buffer.concat([
      pageHeader(2, dictionary.length, { 7: [1, 0] }),
      dictionary,
      pageHeader(0, body.length, { 5: [2 ** 30, 8, 3, 3] }),
      body,
    ]);
    const { leaf } = openFile(writeSample(rows)).chunks.get('text')?.chunk ?? assert.fail();
    const flat: LeafNode = { ...leaf, definition: 1 };
    const chunk: ColumnChunk = {
      leaf: flat,
      range: { start: 0, end: bytes.length },
      codec: 'UNCOMPRESSED',
      entries: 2 ** 30,
      nulls: undefined,
    };
    const reader = new ColumnReader(sourceOf(bytes), chunk, 0, OPTIONS);
    assert.deepEqual((await reader.readPresent(3)).cells, [text, text, text]);
    assert.deepEqual(await reader.readRows([2 ** 30 - 1]), [text]);
    const greedy = new ColumnReader(sourceOf(bytes), chunk, 0, OPTIONS);
    await assertCorrupt(() => greedy.readPresent(2 ** 30), /take more than 16777216 bytes/);
  });
});

/** A page header in Thrift's compact protocol: its type, the size (stored as it is), and one struct of integers. */
function pageHeader(type: number, size: number, struct: Readonly<Record<number, readonly number[]>>): Buffer {
  const parts: Buffer[] = [];
  const integer = (value: number) => Buffer.concat([Buffer.from([0x15]), varint(value * 2)]);
  parts.push(integer(type), integer(size), integer(size));
  for (const [id, fields] of Object.entries(struct)) {
    parts.push(Buffer.from([((Number(id) - 3) << 4) | 0x0c]), ...fields.map(integer), Buffer.from([0]));
  }
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}
