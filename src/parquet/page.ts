import { decompress } from './codecs.ts';
import { ParquetError } from './errors.ts';
import type { DataPage, DataPageV2, PageHeader, PageSizes } from './page-header.ts';
import { RunReader } from './run-reader.ts';
import { createValueReader, type ReadAs, readDictionary, type Value, type ValueReader } from './values.ts';

/** What has to be known of a column to read its pages. */
export interface PageColumn {
  readonly type: ReadAs;
  /** Name of parquet.thrift `CompressionCodec`. */
  readonly codec: string;
  /** Highest definition and repetition level. */
  readonly maxDefinition: number;
  readonly maxRepetition: number;
}

/** A page whose levels and values are read in step: one repetition and definition level an entry, one value where the definition level is the highest. */
export interface OpenPage {
  readonly entries: number;
  readonly repetition: RunReader;
  readonly definition: RunReader;
  readonly values: ValueReader;
}

/**
 * Opens a data page. `body` is the page without its header, as stored. Nothing but the decompressed bytes is allocated.
 * Throws `CORRUPT`.
 */
export function openPage(
  column: PageColumn,
  header: PageHeader & (DataPage | DataPageV2),
  body: Buffer,
  dictionary: readonly Value[] | undefined,
): OpenPage {
  return header.kind === 'data'
    ? openPage1(column, header, body, dictionary)
    : openPage2(column, header, body, dictionary);
}

/** The values of a dictionary page. */
export function openDictionary(column: PageColumn, header: PageSizes, values: number, body: Buffer): Value[] {
  return readDictionary(column.type, inflate(column, body, header.uncompressedSize), values);
}

/** Version 1: everything is compressed together, and each kind of levels has its length before it. */
function openPage1(
  column: PageColumn,
  header: PageSizes & DataPage,
  body: Buffer,
  dictionary: readonly Value[] | undefined,
): OpenPage {
  const bytes = inflate(column, body, header.uncompressedSize);
  const repetition = levels1(bytes, 0, column.maxRepetition, header.values, header.repetitionEncoding);
  const definition = levels1(bytes, repetition.end, column.maxDefinition, header.values, header.definitionEncoding);
  const values = createValueReader({
    type: column.type,
    encoding: header.encoding,
    bytes: bytes.subarray(definition.end),
    dictionary,
  });
  return { entries: header.values, repetition: repetition.levels, definition: definition.levels, values };
}

/** Version 2: the levels come first, uncompressed, and the header gives their lengths. */
function openPage2(
  column: PageColumn,
  header: PageSizes & DataPageV2,
  body: Buffer,
  dictionary: readonly Value[] | undefined,
): OpenPage {
  const levelsEnd = header.repetitionSize + header.definitionSize;
  if (levelsEnd > body.length || levelsEnd > header.uncompressedSize) {
    throw new ParquetError('CORRUPT', `levels of ${levelsEnd} bytes in a page of ${body.length}`);
  }
  const stored = body.subarray(levelsEnd);
  const bytes = header.isCompressed ? inflate(column, stored, header.uncompressedSize - levelsEnd) : stored;
  return {
    entries: header.values,
    repetition: levels(body, 0, header.repetitionSize, column.maxRepetition, header.values),
    definition: levels(body, header.repetitionSize, levelsEnd, column.maxDefinition, header.values),
    values: createValueReader({ type: column.type, encoding: header.encoding, bytes, dictionary }),
  };
}

function levels1(
  bytes: Buffer,
  start: number,
  highest: number,
  count: number,
  encoding: string,
): { readonly levels: RunReader; readonly end: number } {
  if (highest === 0) return { levels: levels(bytes, start, start, 0, count), end: start };
  if (encoding !== 'RLE') throw new ParquetError('CORRUPT', `levels in the encoding ${encoding}, expected RLE`);
  const first = start + 4;
  const end = first <= bytes.length ? first + bytes.readUInt32LE(start) : Number.POSITIVE_INFINITY;
  if (end > bytes.length)
    throw new ParquetError('CORRUPT', `the levels of a page reach past its ${bytes.length} bytes`);
  return { levels: levels(bytes, first, end, highest, count), end };
}

function levels(bytes: Buffer, start: number, end: number, highest: number, count: number): RunReader {
  return highest === 0 ? RunReader.constant(0, count) : new RunReader(bytes, start, end, bitWidth(highest));
}

/** Bits that the levels from 0 to `highest` need. */
function bitWidth(highest: number): number {
  return 32 - Math.clz32(highest);
}

function inflate(column: PageColumn, body: Buffer, size: number): Buffer {
  const bytes = decompress(column.codec, body, size);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
