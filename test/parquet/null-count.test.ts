import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Nulls } from '../../src/delta/stats.ts';
import { type Footer, parseFooter } from '../../src/parquet/footer.ts';
import { fileStatistics } from '../../src/parquet/statistics.ts';
import {
  type ChunkOptions,
  type FooterOptions,
  footerBytes,
  group,
  leaf,
  listOf,
  mapOf,
  type Node,
  parquetFile,
} from './footer-builder.ts';

function parse(options: FooterOptions): Footer {
  return parseFooter(parquetFile(footerBytes(options)));
}

describe('null counts', () => {
  const required = { repetition: 'required' } as const;
  const key = leaf('key', 'BYTE_ARRAY', required);
  const ARROW = 'parquet-cpp-arrow version 26.0.1';
  const nullCountOf = (
    column: Node,
    chunk: ChunkOptions,
    path: readonly string[],
    createdBy = 'parquet-mr version 1.16',
  ) => {
    const footer = parse({ columns: [column], rowGroups: [{ rowCount: 10, chunks: [chunk] }], createdBy });
    return fileStatistics(footer).column(path).nullCount;
  };

  it('are zero where nothing on the path can be null, and all rows where the file lacks the column', () => {
    const column = group('s', [leaf('c', 'INT32', required)], required);
    assert.equal(nullCountOf(column, {}, ['s', 'c']), 0);
    assert.equal(nullCountOf(column, {}, ['s', 'other']), 10);
    assert.equal(nullCountOf(column, {}, ['other']), 10);
    assert.equal(nullCountOf(column, {}, ['other', 'c']), 10);
    assert.equal(nullCountOf(listOf('l', leaf('element', 'INT32'), 'list'), {}, ['other']), 10);
  });

  it('of plain columns are those of the file, or those of the levels', () => {
    const column = leaf('c', 'INT32');
    assert.equal(nullCountOf(column, { nullCount: 4 }, ['c'], 'anyone'), 4);
    assert.equal(nullCountOf(column, { levels: [4, 6] }, ['c'], 'anyone'), 4);
    assert.equal(nullCountOf(column, { nullCount: 4, levels: [3, 7] }, ['c'], 'anyone'), undefined);
    assert.equal(nullCountOf(column, { nullCount: 11 }, ['c'], 'anyone'), undefined);
    assert.equal(nullCountOf(column, { levels: [4, 5] }, ['c'], 'anyone'), undefined);
    assert.equal(nullCountOf(column, { levels: [4, 0, 6] }, ['c'], 'anyone'), undefined);
    assert.equal(nullCountOf(column, {}, ['c'], 'anyone'), undefined);
  });

  it('of fields in structs count the null structs; a writer that may not do so has to prove it', () => {
    const column = group('s', [leaf('c', 'BYTE_ARRAY')]);
    assert.equal(nullCountOf(column, { nullCount: 4 }, ['s', 'c']), 4);
    assert.equal(nullCountOf(column, { nullCount: 4 }, ['s', 'c'], ARROW), undefined);
    assert.equal(nullCountOf(column, { nullCount: 4, levels: [1, 3, 6] }, ['s', 'c'], ARROW), 4);
    assert.equal(nullCountOf(column, { nullCount: 3, levels: [1, 3, 6] }, ['s', 'c'], ARROW), undefined);
    const sure = group('s', [leaf('c', 'INT32')], required);
    assert.equal(nullCountOf(sure, { nullCount: 4 }, ['s', 'c'], ARROW), 4);
  });

  it('of lists and maps are what the levels tell, and nothing else', () => {
    const column = listOf('l', leaf('element', 'INT32'));
    const levels = [3, 2, 1, 9];
    assert.equal(nullCountOf(column, { numValues: 15, nullCount: 6, levels }, ['l']), 3);
    assert.equal(nullCountOf(column, { numValues: 15, nullCount: 6 }, ['l']), undefined);
    assert.equal(nullCountOf(column, { numValues: 15, nullCount: 0 }, ['l']), undefined);
    const inStruct = group('s', [column]);
    assert.equal(nullCountOf(inStruct, { numValues: 15, levels: [1, 2, 3, 4, 5] }, ['s', 'l']), 3);
    const map = mapOf('m', key, leaf('value', 'INT32'));
    assert.equal(nullCountOf(map, { numValues: 15, levels: [4, 2, 9] }, ['m']), 4);
  });
});

describe('nulls where a table has NOT NULL', () => {
  const required = { repetition: 'required' } as const;
  const nullsOf = (
    column: Node,
    chunks: readonly (ChunkOptions | undefined)[],
    path: readonly string[],
    rowCount = 10,
  ): Nulls =>
    fileStatistics(parse({ columns: [column], rowGroups: [{ rowCount, chunks }], createdBy: 'Polars (x)' })).nulls(
      path,
    );

  it('of plain columns', () => {
    const column = leaf('c', 'INT32');
    assert.equal(nullsOf(leaf('c', 'INT32', required), [], ['c']), 'none');
    assert.equal(nullsOf(column, [{ nullCount: 0 }], ['c']), 'none');
    assert.equal(nullsOf(column, [{ nullCount: 1 }], ['c']), 'some');
    assert.equal(nullsOf(column, [], ['c']), 'unknown');
    assert.equal(nullsOf(column, [{ levels: [0, 10] }], ['c']), 'none');
    assert.equal(nullsOf(column, [], ['c'], 0), 'none');
  });

  it('of columns that the file lacks', () => {
    const column = group('s', [leaf('c', 'INT32')]);
    assert.equal(nullsOf(column, [], ['other']), 'some');
    assert.equal(nullsOf(column, [], ['s', 'other']), 'some');
    assert.equal(nullsOf(column, [], ['other', 'c']), 'none');
    assert.equal(nullsOf(column, [], ['other'], 0), 'none');
  });

  it('of fields in structs, apart from the structs that are null', () => {
    const column = group('s', [leaf('c', 'INT32'), leaf('d', 'INT32', required)]);
    assert.equal(nullsOf(column, [{ nullCount: 4 }], ['s', 'c']), 'unknown');
    assert.equal(nullsOf(column, [{ nullCount: 4, levels: [4, 0, 6] }], ['s', 'c']), 'none');
    assert.equal(nullsOf(column, [{ nullCount: 4, levels: [3, 1, 6] }], ['s', 'c']), 'some');
    assert.equal(nullsOf(column, [], ['s', 'd']), 'none');
    assert.equal(nullsOf(group('s', [leaf('c', 'INT32')], required), [{ nullCount: 4 }], ['s', 'c']), 'some');
  });

  it('of structs, by any field that tells', () => {
    const column = group('s', [leaf('c', 'INT32'), leaf('d', 'INT32', required)]);
    assert.equal(nullsOf(column, [{ nullCount: 4 }, undefined], ['s']), 'unknown');
    assert.equal(nullsOf(column, [{ nullCount: 0 }, undefined], ['s']), 'none');
    assert.equal(nullsOf(column, [{ nullCount: 4 }, { nullCount: 4 }], ['s']), 'some');
    assert.equal(nullsOf(column, [{ nullCount: 4 }, { nullCount: 0 }], ['s']), 'none');
    assert.equal(nullsOf(column, [{ nullCount: 4, levels: [0, 4, 6] }, undefined], ['s']), 'none');
  });

  it('of lists, their elements, and the values of maps', () => {
    const column = listOf('l', leaf('element', 'INT32'));
    const levels = [0, 2, 1, 12];
    assert.equal(nullsOf(column, [{ numValues: 15, levels }], ['l']), 'none');
    assert.equal(nullsOf(column, [{ numValues: 15, levels }], ['l', 'element']), 'some');
    assert.equal(nullsOf(column, [{ numValues: 15, nullCount: 0 }], ['l']), 'unknown');
    assert.equal(nullsOf(listOf('l', leaf('element', 'INT32', required)), [], ['l', 'element']), 'none');
    const map = mapOf('m', leaf('key', 'INT32', required), leaf('value', 'INT32'));
    assert.equal(nullsOf(map, [undefined, { numValues: 15, levels: [1, 2, 0, 12] }], ['m', 'value']), 'none');
    assert.equal(nullsOf(map, [{ numValues: 15, levels: [1, 2, 12] }], ['m']), 'some');
    assert.equal(nullsOf(map, [], ['m', 'key']), 'none');
  });
});
