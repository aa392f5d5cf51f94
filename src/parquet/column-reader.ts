import type { ColumnChunk } from './column-chunk.ts';
import { ParquetError } from './errors.ts';
import type { TextType } from './json-text.ts';
import { type OpenPage, openDictionary, openPage, type PageColumn } from './page.ts';
import { isDataPage, type PageHeader, parsePageHeader } from './page-header.ts';
import { BlockReader, type RangeSource } from './range-source.ts';
import type { Value, ValueType } from './values.ts';

/** A value of one row: null where there is none; for a repeated column a list, whose elements may be null. */
export type Cell = Value | null | readonly (Value | null)[];

/** Cells and the rows they are in. */
export interface Cells<T extends Cell = Cell> {
  /** Positions in the row group, ascending. */
  readonly rows: readonly number[];
  readonly cells: readonly T[];
}

export interface ColumnReaderOptions {
  /** Bytes a request; two such blocks are held. */
  readonly blockBytes: number;
  /** Largest page that is accepted, in bytes, as stored or decompressed. */
  readonly maxPageBytes: number;
  /** Most that one call may decode, in bytes. */
  readonly maxCallBytes: number;
  /** Reads the values as text. @default as what they are */
  readonly textType?: TextType;
}

/**
 * Reads one column chunk from its first row to its last, without ever going back. Columns that are repeated once (lists
 * and maps of plain values) give the elements of a row together.
 *
 * Pages are read as they are needed; runs of nulls are passed over in one step, and pages without a wanted row are not
 * decompressed where their header says how many rows they have. Memory: two blocks, one page, one dictionary, and what
 * a call returns. Errors: `ParquetError` naming the column and the position of the page; the store's errors as they are.
 */
export class ColumnReader {
  readonly #chunk: ColumnChunk;
  readonly #column: PageColumn;
  readonly #blocks: BlockReader;
  readonly #options: ColumnReaderOptions;
  /** Definition level from which an entry is an element of the list (and not the mark of an empty or absent one). */
  readonly #elementLevel: number;
  #dictionary: readonly Value[] | undefined;
  #page: OpenPage | undefined;
  #pageStart = 0;
  /** Entries of the page that are not yet read, and of the chunk behind the page. */
  #left = 0;
  #behind: number;
  /** The row of the last entry that was read; -1 before the first. */
  #row = -1;
  #decodedBytes = 0;
  #pageBytes = 0;

  constructor(source: RangeSource, chunk: ColumnChunk, elementLevel: number, options: ColumnReaderOptions) {
    const { leaf } = chunk;
    this.#chunk = chunk;
    this.#options = options;
    this.#behind = chunk.entries;
    this.#elementLevel = elementLevel;
    this.#blocks = new BlockReader(source, chunk.range, options.blockBytes);
    this.#column = {
      type: options.textType ?? valueType(chunk),
      codec: chunk.codec,
      maxDefinition: leaf.definition,
      maxRepetition: leaf.repeats,
    };
    if (leaf.repeats > 1) throw this.#corrupt('lists in lists are not read here');
  }

  /** Bytes of the pages opened so far, decompressed. No chunk holds more distinct values than that. */
  get pageBytes(): number {
    return this.#pageBytes;
  }

  /** Passes over nulls up to the next value of a column that is not repeated. Returns its row; undefined at the end. */
  async nextPresentRow(): Promise<number | undefined> {
    for (;;) {
      if (this.#left === 0 && !(await this.#nextPage(0))) return undefined;
      if (this.#guard(() => this.#skipNulls())) return this.#row + 1;
    }
  }

  /**
   * Reads the values of a column that is not repeated, nulls left out, in the rows before `endRow`, at most `limit`.
   */
  async readPresent(endRow: number, limit = Number.POSITIVE_INFINITY): Promise<Cells<Value>> {
    const rows: number[] = [];
    const cells: Value[] = [];
    this.#decodedBytes = 0;
    for (;;) {
      const row = await this.nextPresentRow();
      if (row === undefined || row >= endRow || rows.length >= limit) return { rows, cells };
      this.#guard(() => this.#takePresent(endRow, limit, rows, cells));
    }
  }

  /** Reads the cells of the rows, which must be ascending and behind all rows read before. */
  async readRows(rows: readonly number[]): Promise<Cell[]> {
    const cells: Cell[] = [];
    this.#decodedBytes = 0;
    const take = this.#column.maxRepetition === 0 ? this.#takeFlat : this.#takeRepeated;
    let done = 0;
    while (done < rows.length) {
      if (this.#left === 0 && !(await this.#nextPage(rows[done] ?? 0))) {
        // The end of the chunk also ends a row of several entries.
        if (this.#row === rows[done]) done++;
        if (done < rows.length) throw this.#corrupt(`the column ends before row ${rows[done]}`);
      } else {
        done = this.#guard(() => take.call(this, rows, done, cells));
      }
    }
    return cells;
  }

  /** Passes over nulls in the page. Returns whether a value is next. */
  #skipNulls(): boolean {
    const page = this.#openedPage();
    while (this.#left > 0) {
      const run = Math.min(page.definition.ahead(), this.#left);
      if (page.definition.value === this.#column.maxDefinition) return true;
      page.definition.take(run);
      this.#left -= run;
      this.#row += run;
    }
    return false;
  }

  #takePresent(endRow: number, limit: number, rows: number[], cells: Value[]): void {
    const page = this.#openedPage();
    while (this.#left > 0) {
      const ahead = Math.min(page.definition.ahead(), this.#left);
      const isPresent = page.definition.value === this.#column.maxDefinition;
      const run = Math.min(ahead, endRow - this.#row - 1, isPresent ? limit - rows.length : ahead);
      if (run === 0) return;
      page.definition.take(run);
      this.#left -= run;
      for (let index = 1; isPresent && index <= run; index++) {
        rows.push(this.#row + index);
        cells.push(this.#readValue(page));
      }
      this.#row += run;
    }
  }

  /** Takes cells of the wanted rows from the page. Returns the number of rows that are done. */
  #takeFlat(rows: readonly number[], start: number, cells: Cell[]): number {
    const page = this.#openedPage();
    let done = start;
    while (this.#left > 0 && done < rows.length) {
      const run = Math.min(page.definition.ahead(), this.#left);
      const isPresent = page.definition.value === this.#column.maxDefinition;
      const skipped = Math.min(run, (rows[done] ?? 0) - this.#row - 1);
      if (isPresent && skipped > 0) page.values.skip(skipped);
      const isReached = skipped < run;
      if (isReached) {
        cells.push(isPresent ? this.#readValue(page) : null);
        done++;
      }
      const taken = isReached ? skipped + 1 : skipped;
      page.definition.take(taken);
      this.#left -= taken;
      this.#row += taken;
    }
    return done;
  }

  /**
   * The same for a repeated column. A row is done only when the next one starts, which may be in the next page.
   */
  #takeRepeated(rows: readonly number[], start: number, cells: Cell[]): number {
    const page = this.#openedPage();
    let done = start;
    while (this.#left > 0) {
      const run = Math.min(page.repetition.ahead(), page.definition.ahead(), this.#left);
      const startsRow = page.repetition.value === 0;
      if (startsRow && this.#row === rows[done]) {
        done++;
        if (done === rows.length) return done;
      }
      const wanted = rows[done] ?? 0;
      const isWanted = startsRow ? this.#row + 1 === wanted : this.#row === wanted;
      const taken = isWanted ? 1 : startsRow ? Math.min(run, wanted - this.#row - 1) : run;
      if (this.#row < 0 && !startsRow) throw new ParquetError('CORRUPT', 'the first entry of a chunk continues a row');
      if (isWanted && startsRow) cells.push(null);
      if (isWanted) this.#takeElement(page, cells);
      else if (page.definition.value === this.#column.maxDefinition) page.values.skip(taken);
      page.repetition.take(taken);
      page.definition.take(taken);
      this.#left -= taken;
      if (startsRow) this.#row += taken;
    }
    return done;
  }

  /** Adds an entry to the list of the last row. */
  #takeElement(page: OpenPage, cells: Cell[]): void {
    const level = page.definition.value;
    // One level below that of an element there is a list without elements; further down there is no list.
    if (level < this.#elementLevel - 1) return;
    const last = cells.at(-1);
    const list: (Value | null)[] = Array.isArray(last) ? last : [];
    if (list !== last) cells[cells.length - 1] = list;
    if (level < this.#elementLevel) return;
    list.push(level === this.#column.maxDefinition ? this.#readValue(page) : null);
    this.#count(VALUE_BYTES);
  }

  #readValue(page: OpenPage): Value {
    const value = page.values.read();
    this.#count(typeof value === 'string' ? value.length + VALUE_BYTES : VALUE_BYTES);
    return value;
  }

  #count(bytes: number): void {
    this.#decodedBytes += bytes;
    if (this.#decodedBytes > this.#options.maxCallBytes) {
      throw new ParquetError('CORRUPT', `the values of a few rows take more than ${this.#options.maxCallBytes} bytes`);
    }
  }

  /** Opens the next data page that reaches `row`. Returns false at the end of the chunk. */
  async #nextPage(row: number): Promise<boolean> {
    this.#page = undefined;
    while (this.#behind > 0) {
      this.#pageStart = this.#blocks.position;
      if (this.#pageStart >= this.#blocks.end) throw this.#corrupt(`its pages lack ${this.#behind} entries`);
      const header = await this.#readHeader();
      this.#checkHeader(header);
      if (this.#passesOver(header, row)) {
        this.#blocks.skip(header.compressedSize);
      } else {
        const body = await this.#blocks.peek(header.compressedSize);
        this.#blocks.skip(header.compressedSize);
        this.#guard(() => this.#open(header, body));
        if (this.#left > 0) return true;
      }
    }
    return false;
  }

  async #readHeader(): Promise<PageHeader> {
    for (let length = HEADER_BYTES; ; length *= 8) {
      const bytes = await this.#blocks.peek(length);
      try {
        const { header, size } = parsePageHeader(bytes);
        this.#blocks.skip(size);
        return header;
      } catch (error) {
        // A header is as long as the bounds of the values in it: only a longer look tells a long one from a broken one.
        if (bytes.length < length || length >= MAX_HEADER_BYTES) throw this.#inPage(error);
      }
    }
  }

  #checkHeader(header: PageHeader): void {
    const largest = Math.max(header.compressedSize, header.uncompressedSize);
    if (largest > this.#options.maxPageBytes) {
      throw this.#corrupt(`a page of ${largest} bytes, the limit is ${this.#options.maxPageBytes}`);
    }
    if (header.compressedSize > this.#blocks.end - this.#blocks.position) {
      throw this.#corrupt(`a page of ${header.compressedSize} bytes reaches past the end of its chunk`);
    }
    if (isDataPage(header) && header.values > this.#behind) {
      throw this.#corrupt(`a page of ${header.values} entries where ${this.#behind} are left`);
    }
  }

  /** Whether the page holds nothing that is wanted, as far as its header tells; then its rows are counted as read. */
  #passesOver(header: PageHeader, row: number): boolean {
    if (header.kind === 'dictionary') return false;
    if (!isDataPage(header)) return true;
    const isFlat = this.#column.maxRepetition === 0;
    const rows = isFlat ? header.values : header.kind === 'data2' ? header.rows : Number.POSITIVE_INFINITY;
    if (this.#row + rows >= row) return false;
    this.#behind -= header.values;
    this.#row += rows;
    return true;
  }

  #open(header: PageHeader, body: Buffer): void {
    this.#pageBytes += header.uncompressedSize;
    if (header.kind === 'dictionary') {
      this.#dictionary = openDictionary(this.#column, header, header.values, body);
    } else if (isDataPage(header)) {
      this.#page = openPage(this.#column, header, body, this.#dictionary);
      this.#behind -= header.values;
      this.#left = header.values;
    }
  }

  #openedPage(): OpenPage {
    if (this.#page === undefined) throw this.#corrupt('entries without a page');
    return this.#page;
  }

  #guard<T>(decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      throw this.#inPage(error);
    }
  }

  #inPage(error: unknown): ParquetError {
    if (error instanceof ParquetError && error.data.column !== undefined) return error;
    const cause = error instanceof Error ? error.message : String(error);
    return this.#corrupt(`the page at byte ${this.#pageStart} cannot be read: ${cause}`, error);
  }

  #corrupt(detail: string, cause?: unknown): ParquetError {
    const column = this.#chunk.leaf.path.join('.');
    return new ParquetError('CORRUPT', `column "${column}": ${detail}`, { column }, { cause });
  }
}

/** Bytes looked at for a page header at first, and at most. Usual ones have 20 to 200. */
const HEADER_BYTES = 2048;
const MAX_HEADER_BYTES = HEADER_BYTES * 8 ** 3;

/** What a value costs beside its characters, in bytes. */
const VALUE_BYTES = 8;

const VALUE_TYPES: Readonly<Partial<Record<string, ValueType>>> = {
  BOOLEAN: 'BOOLEAN',
  INT32: 'INT32',
  INT64: 'INT64',
  BYTE_ARRAY: 'BYTE_ARRAY',
};

function valueType({ leaf }: ColumnChunk): ValueType {
  const type = VALUE_TYPES[leaf.physical];
  if (type !== undefined) return type;
  const column = leaf.path.join('.');
  throw new ParquetError('CORRUPT', `column "${column}" is of type ${leaf.physical}, which is not read here`, {
    column,
  });
}
