import { ParquetError } from './errors.ts';
import { ENCODINGS } from './page-support.ts';
import { readBoolean, readCount, readInteger, readStruct, type ThriftCursor, thriftCursor, WIRE } from './thrift.ts';

/** What stands before every page of a column chunk. Sizes are in bytes. Source: parquet.thrift `PageHeader`. */
export type PageHeader =
  | (PageSizes & { readonly kind: 'dictionary'; readonly values: number })
  | (PageSizes & DataPage)
  | (PageSizes & DataPageV2)
  /** An index page, or a kind that is newer than this code: passed over. */
  | (PageSizes & { readonly kind: 'other' });

export type DataPageHeader = Extract<PageHeader, DataPage | DataPageV2>;

export function isDataPage(header: PageHeader): header is DataPageHeader {
  return header.kind === 'data' || header.kind === 'data2';
}

export interface PageSizes {
  readonly compressedSize: number;
  readonly uncompressedSize: number;
}

export interface DataPage {
  readonly kind: 'data';
  /** Values and nulls, counted together. */
  readonly values: number;
  readonly encoding: string;
  readonly definitionEncoding: string;
  readonly repetitionEncoding: string;
}

export interface DataPageV2 {
  readonly kind: 'data2';
  /** Values and nulls, counted together. */
  readonly values: number;
  readonly nulls: number;
  /** Rows; a page of this version starts with the start of a row. */
  readonly rows: number;
  readonly encoding: string;
  readonly repetitionSize: number;
  readonly definitionSize: number;
  /** Whether the values are compressed; the levels before them never are. */
  readonly isCompressed: boolean;
}

/** parquet.thrift `PageType`. */
const PAGE_TYPE = { DATA: 0, DICTIONARY: 2, DATA_V2: 3 } as const;

/** Numbers of a struct by field id. */
type Numbers = Map<number, number>;

interface RawHeader {
  readonly own: Numbers;
  readonly data: Numbers;
  readonly dictionary: Numbers;
  readonly data2: Numbers;
}

/**
 * Parses the page header at the start of `bytes`, which may hold more than it.
 * Throws `CORRUPT` for what is no page header, and for one that is longer than `bytes`.
 */
export function parsePageHeader(bytes: Uint8Array): { readonly header: PageHeader; readonly size: number } {
  const cursor = thriftCursor(bytes);
  const raw: RawHeader = { own: new Map(), data: new Map(), dictionary: new Map(), data2: new Map() };
  readStruct(cursor, WIRE.STRUCT, raw, readHeaderField);
  return { header: toHeader(raw), size: cursor.offset };
}

function readHeaderField(cursor: ThriftCursor, id: number, type: number, raw: RawHeader): boolean {
  if (id >= 1 && id <= 3) return readNumber(cursor, id, type, raw.own);
  const target = id === 5 ? raw.data : id === 7 ? raw.dictionary : id === 8 ? raw.data2 : undefined;
  if (target === undefined) return false;
  readStruct(cursor, type, target, readNumber);
  return true;
}

function readNumber(cursor: ThriftCursor, id: number, type: number, target: Numbers): boolean {
  if (type === WIRE.TRUE || type === WIRE.FALSE) {
    target.set(id, readBoolean(cursor, type) ? 1 : 0);
    return true;
  }
  if (type !== WIRE.I32) return false;
  target.set(id, id === 1 ? readInteger(cursor, type) : readCount(cursor, type));
  return true;
}

function toHeader({ own, data, dictionary, data2 }: RawHeader): PageHeader {
  const sizes = { uncompressedSize: required(own, 2, 'size'), compressedSize: required(own, 3, 'compressed size') };
  switch (required(own, 1, 'type')) {
    case PAGE_TYPE.DATA:
      return {
        kind: 'data',
        ...sizes,
        values: required(data, 1, 'number of values'),
        encoding: encodingName(data, 2),
        definitionEncoding: encodingName(data, 3),
        repetitionEncoding: encodingName(data, 4),
      };
    case PAGE_TYPE.DICTIONARY:
      return { kind: 'dictionary', ...sizes, values: required(dictionary, 1, 'number of values') };
    case PAGE_TYPE.DATA_V2:
      return {
        kind: 'data2',
        ...sizes,
        values: required(data2, 1, 'number of values'),
        nulls: required(data2, 2, 'number of nulls'),
        rows: required(data2, 3, 'number of rows'),
        encoding: encodingName(data2, 4),
        definitionSize: required(data2, 5, 'size of the definition levels'),
        repetitionSize: required(data2, 6, 'size of the repetition levels'),
        isCompressed: (data2.get(7) ?? 1) !== 0,
      };
    default:
      return { kind: 'other', ...sizes };
  }
}

function encodingName(numbers: Numbers, id: number): string {
  const encoding = required(numbers, id, 'encoding');
  return ENCODINGS[encoding] ?? `number ${encoding}`;
}

function required(numbers: Numbers, id: number, what: string): number {
  const value = numbers.get(id);
  if (value === undefined) throw new ParquetError('CORRUPT', `a page header without its ${what}`);
  return value;
}
