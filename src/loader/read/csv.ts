import { CsvError, type Options, parse } from 'csv-parse';
import type { StructType } from '../../delta/schema.ts';
import type { DatumObject } from '../../kafka/decode/datum.ts';
import { PayloadError } from '../../kafka/decode/payload-error.ts';
import { invalidFile, LoadError } from '../load-error.ts';
import type { ByteSource } from '../source/open-bytes.ts';
import { inferCsvTypes, textTypes } from './csv-types.ts';
import { LineCounter } from './line-counter.ts';
import { BATCH, limitsAt, type Position, type RowSource, type SourceBatch, type SourceRow } from './row-source.ts';
import { Utf8Check } from './utf8-check.ts';

/** How a CSV file is written. */
export interface CsvSettings {
  /** One character or several. */
  readonly delimiter: string;
  /** Around fields that hold delimiters, quotes or line ends. */
  readonly quote: string;
  /** Before a quote inside of quotes. */
  readonly escape: string;
  /** Lines that begin with it are passed over; '' for none. */
  readonly comment: string;
  readonly encoding: 'utf-8' | 'latin1';
  /** Whether the first record has the names of the columns; otherwise `columns` has them. */
  readonly header: boolean;
  readonly columns: readonly string[];
  /** Fields with one of these texts are null. */
  readonly nullTexts: readonly string[];
  /** Whether spaces around fields are cut off. */
  readonly trim: boolean;
  /** Whether new columns get types from the texts of the first rows; they are strings otherwise. */
  readonly inferTypes: boolean;
}

/** Bytes that the parser gets at once: all their records are there together. */
const PIECE_BYTES = 256 * 1024;

/**
 * The records of a CSV file (RFC 4180, with the settings' liberties), lines ended by LF or CRLF. Every field is a text or
 * null. Throws `INVALID_FILE` for quotes that do not match, for bytes that are not of the encoding and for a header that names
 * columns twice, `TOO_LARGE` for a record longer than `maxRecordBytes`.
 */
export function readCsv(
  source: ByteSource,
  from: Position,
  options: {
    readonly settings: CsvSettings;
    readonly header: readonly string[] | undefined;
    readonly maxBytes: number;
  },
): RowSource {
  const reading = new CsvReading(source, from, options);
  return { batches: reading.batches(), header: () => reading.header };
}

class CsvReading {
  header: readonly string[] | undefined;
  readonly #source: ByteSource;
  readonly #from: Position;
  readonly #settings: CsvSettings;
  readonly #maxBytes: number;
  readonly #nulls: ReadonlySet<string>;

  constructor(source: ByteSource, from: Position, { settings, header, maxBytes }: Parameters<typeof readCsv>[2]) {
    this.#source = source;
    this.#from = from;
    this.#settings = settings;
    this.#maxBytes = maxBytes;
    this.#nulls = new Set(settings.nullTexts);
    const given = settings.header ? undefined : settings.columns;
    this.header = header ?? given;
    if (this.header !== undefined) checkHeader(this.header);
  }

  async *batches(): AsyncGenerator<SourceBatch, void> {
    let limits = limitsAt(this.#from);
    let schema: StructType | undefined;
    let rows: SourceRow<DatumObject>[] = [];
    let start = this.#from.offset;
    const take = (): SourceBatch => {
      schema ??= this.#settings.inferTypes ? inferCsvTypes(this.header ?? [], rows) : textTypes(this.header ?? []);
      const batch: SourceBatch = { kind: 'json', rows, schema };
      rows = [];
      limits = BATCH;
      return batch;
    };
    for await (const records of this.#records()) {
      for (const { fields, number, end } of records) {
        if (this.header === undefined) {
          checkHeader(fields);
          this.header = fields;
          continue;
        }
        rows.push(this.#row(this.header, fields, number, end));
        if (rows.length < limits.rows && end.offset - start < limits.bytes) continue;
        start = end.offset;
        yield take();
      }
    }
    if (rows.length > 0) yield take();
  }

  #row(header: readonly string[], fields: readonly string[], number: number, end: Position): SourceRow<DatumObject> {
    if (fields.length !== header.length) {
      const message = `The record has ${fields.length} fields, expected ${header.length} as the header has`;
      return { number, value: new PayloadError('INVALID_CSV', message), raw: fields, end };
    }
    const value: Record<string, string | null> = Object.create(null);
    for (let index = 0; index < header.length; index++) {
      const field = fields[index] ?? '';
      value[header[index] ?? ''] = this.#nulls.has(field) ? null : field;
    }
    return { number, value, raw: fields, end };
  }

  async *#records(): AsyncGenerator<readonly CsvRecord[], void> {
    const parser = parse(this.#options());
    // Those that write to it are told, too.
    parser.on('error', () => undefined);
    const lines = new LineCounter(this.#from);
    const encoding = this.#settings.encoding === 'utf-8' ? new Utf8Check(this.#from.offset) : undefined;
    try {
      for await (const piece of smallPieces(this.#source.from(this.#from.offset))) {
        encoding?.check(piece);
        lines.add(piece);
        await settled((done) => parser.write(piece, done));
        yield drain(parser, lines, this.#from.offset);
      }
      encoding?.end();
      await settled((done) => parser.end(done));
      yield drain(parser, lines, this.#from.offset);
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      const line = this.#from.number + Number(error.lines ?? 1) - 1;
      if (error.code === 'CSV_MAX_RECORD_SIZE') {
        throw new LoadError('TOO_LARGE', `the record at line ${line} has more than ${this.#maxBytes} bytes`, { line });
      }
      throw invalidFile('it is no CSV of the settings', error);
    } finally {
      parser.destroy();
    }
  }

  #options(): Options & { readonly readableHighWaterMark: number } {
    const { delimiter, quote, comment, encoding, trim } = this.#settings;
    return {
      delimiter,
      quote,
      escape: this.#settings.escape,
      trim,
      ...(comment !== '' && { comment, comment_no_infix: true }),
      encoding: encoding === 'utf-8' ? 'utf8' : 'latin1',
      bom: this.#from.offset === 0,
      info: true,
      max_record_size: this.#maxBytes,
      record_delimiter: ['\n', '\r\n'],
      relax_column_count: true,
      skip_empty_lines: true,
      // A piece is taken as soon as it is written, however many records it has.
      readableHighWaterMark: Number.MAX_SAFE_INTEGER,
    };
  }
}

interface CsvRecord {
  readonly fields: readonly string[];
  readonly number: number;
  readonly end: Position;
}

/** What the parser has made of what was written to it. */
function drain(parser: ReturnType<typeof parse>, lines: LineCounter, offset: number): CsvRecord[] {
  const records: CsvRecord[] = [];
  for (let next = parser.read(); next !== null; next = parser.read()) {
    const { record, info } = next as { readonly record: readonly string[]; readonly info: { readonly bytes: number } };
    const end = lines.advance(offset + info.bytes);
    const inside = record.reduce((sum, field) => sum + (field.includes('\n') ? field.split('\n').length - 1 : 0), 0);
    records.push({ fields: record, number: end.lastLine - inside, end: { offset: end.offset, number: end.number } });
  }
  return records;
}

async function* smallPieces(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length; start += PIECE_BYTES) yield piece.subarray(start, start + PIECE_BYTES);
  }
}

function settled(run: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    run((error) => (error ? reject(error) : resolve()));
  });
}

function checkHeader(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    const folded = name.toLowerCase();
    const problem = name.trim() === '' ? 'has no name' : seen.has(folded) ? `"${name}" is named twice` : undefined;
    if (problem !== undefined) {
      throw new LoadError('INVALID_FILE', `column ${index + 1} of the header ${problem}`, { line: 1 });
    }
    seen.add(folded);
  }
}
