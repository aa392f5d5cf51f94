import { DeltaInteger64Reader, DeltaIntegerReader } from './delta-integers.ts';
import { ParquetError } from './errors.ts';
import type { TextType } from './json-text.ts';
import { RunReader } from './run-reader.ts';

/** A decoded value. An INT64 beyond 2^53 is rounded, as `JSON.parse` rounds it in a commit. */
export type Value = string | number | boolean;

/** Physical types that are read. The actions of a Delta log have no others. */
export type ValueType = 'BOOLEAN' | 'INT32' | 'INT64' | 'BYTE_ARRAY';

/**
 * Reads the values of one page in order. Nothing is decoded ahead, so a page that announces a billion values costs what
 * is read of it. Reading past the end throws `CORRUPT`.
 */
export interface ValueReader {
  read(): Value;
  skip(count: number): void;
}

/** What values are read as. */
export type ReadAs = ValueType | TextType;

/** The part of a page that holds values; `encoding` is a name of parquet.thrift `Encoding`. */
export interface EncodedValues {
  readonly type: ReadAs;
  readonly encoding: string;
  readonly bytes: Buffer;
  readonly dictionary: readonly Value[] | undefined;
}

/** Source: Parquet Encodings.md. Throws `CORRUPT` for an encoding that the type cannot have. */
export function createValueReader({ type, encoding, bytes, dictionary }: EncodedValues): ValueReader {
  switch (encoding) {
    case 'PLAIN':
      return plainReader(type, bytes);
    case 'PLAIN_DICTIONARY':
    case 'RLE_DICTIONARY':
      return dictionaryReader(bytes, dictionary);
    case 'RLE':
      if (type === 'BOOLEAN') return runLengthBooleans(bytes);
      break;
    case 'DELTA_BINARY_PACKED':
      if (type === 'INT32') return new DeltaIntegerReader(bytes, 0);
      if (type === 'INT64') return new DeltaInteger64Reader(bytes, 0);
      break;
    case 'DELTA_LENGTH_BYTE_ARRAY':
      if (type === 'BYTE_ARRAY') return deltaLengthStrings(bytes);
      break;
    case 'DELTA_BYTE_ARRAY':
      if (type === 'BYTE_ARRAY') return deltaStrings(bytes);
      break;
  }
  const name = typeof type === 'string' ? type : 'statistics';
  throw new ParquetError('CORRUPT', `a page of ${name} values in the encoding ${encoding}, which is not read here`);
}

/** Decodes a dictionary page of `count` values, in the plain encoding. */
export function readDictionary(type: ReadAs, bytes: Buffer, count: number): Value[] {
  const reader = plainReader(type, bytes);
  const values: Value[] = [];
  for (let index = 0; index < count; index++) {
    values.push(reader.read());
  }
  return values;
}

function plainReader(type: ReadAs, bytes: Buffer): ValueReader {
  if (typeof type !== 'string') return plainTexts(type, bytes);
  switch (type) {
    case 'BYTE_ARRAY':
      return plainStrings(bytes);
    case 'INT64':
      return fixedWidth(bytes, 8, int64At);
    case 'INT32':
      return fixedWidth(bytes, 4, (source, at) => source.readInt32LE(at));
    case 'BOOLEAN':
      return plainBooleans(bytes);
  }
}

function plainStrings(bytes: Buffer): ValueReader {
  let at = 0;
  /** Passes over a string. Returns where it starts, which is behind its length; it ends at `at`. */
  function take(): number {
    const start = at + 4;
    at = start <= bytes.length ? start + bytes.readUInt32LE(at) : Number.POSITIVE_INFINITY;
    if (at > bytes.length) throw pastTheEnd();
    return start;
  }
  return {
    read: () => bytes.toString('utf8', take(), at),
    skip(count) {
      for (let index = 0; index < count; index++) take();
    },
  };
}

function plainTexts({ width, text }: TextType, bytes: Buffer): ValueReader {
  if (width === 'bit') {
    const bits = plainBooleans(bytes);
    return { read: () => text(Uint8Array.of(bits.read() === true ? 1 : 0)), skip: bits.skip };
  }
  const fixed = width;
  let at = 0;
  /** Passes over a value, and returns where it starts; it ends at `at`. */
  function take(): number {
    const start = fixed === undefined ? at + 4 : at;
    at = start <= bytes.length ? start + (fixed ?? bytes.readUInt32LE(at)) : Number.POSITIVE_INFINITY;
    if (at > bytes.length) throw pastTheEnd();
    return start;
  }
  return {
    read: () => text(bytes.subarray(take(), at)),
    skip(count) {
      for (let index = 0; index < count; index++) take();
    },
  };
}

function fixedWidth(bytes: Buffer, width: number, valueAt: (bytes: Buffer, at: number) => number): ValueReader {
  let at = 0;
  return {
    read() {
      if (at + width > bytes.length) throw pastTheEnd();
      const value = valueAt(bytes, at);
      at += width;
      return value;
    },
    skip(count) {
      at += count * width;
    },
  };
}

function int64At(bytes: Buffer, at: number): number {
  return bytes.readInt32LE(at + 4) * 2 ** 32 + bytes.readUInt32LE(at);
}

function plainBooleans(bytes: Buffer): ValueReader {
  let bit = 0;
  return {
    read() {
      const byte = bytes[Math.floor(bit / 8)];
      if (byte === undefined) throw pastTheEnd();
      return ((byte >> (bit++ % 8)) & 1) === 1;
    },
    skip(count) {
      bit += count;
    },
  };
}

function runLengthBooleans(bytes: Buffer): ValueReader {
  if (bytes.length < 4) throw pastTheEnd();
  const runs = new RunReader(bytes, 4, Math.min(bytes.length, 4 + bytes.readUInt32LE(0)), 1);
  return {
    read: () => runs.next() === 1,
    skip: (count) => runs.skip(count),
  };
}

function dictionaryReader(bytes: Buffer, dictionary: readonly Value[] | undefined): ValueReader {
  if (dictionary === undefined) throw new ParquetError('CORRUPT', 'a page refers to a dictionary, and there is none');
  // A page without any value may also be without the byte that gives the width.
  const indexes = new RunReader(bytes, 1, bytes.length, bytes[0] ?? 0);
  return {
    read() {
      const index = indexes.next();
      const value = dictionary[index];
      if (value === undefined) {
        throw new ParquetError('CORRUPT', `dictionary entry ${index} of a dictionary of ${dictionary.length}`);
      }
      return value;
    },
    skip: (count) => indexes.skip(count),
  };
}

function deltaLengthStrings(bytes: Buffer): ValueReader {
  const lengths = new DeltaIntegerReader(bytes, 0);
  let at = lengths.encodedEnd();
  function take(): number {
    const start = at;
    at += nonNegative(lengths.read());
    if (at > bytes.length) throw pastTheEnd();
    return start;
  }
  return {
    read: () => bytes.toString('utf8', take(), at),
    skip(count) {
      for (let index = 0; index < count; index++) take();
    },
  };
}

function deltaStrings(bytes: Buffer): ValueReader {
  const prefixes = new DeltaIntegerReader(bytes, 0);
  const suffixes = new DeltaIntegerReader(bytes, prefixes.encodedEnd());
  let at = suffixes.encodedEnd();
  // The last value as bytes, grown as needed: a value starts with a part of the one before.
  let buffer = Buffer.alloc(256);
  let length = 0;
  function advance(): void {
    const prefix = nonNegative(prefixes.read());
    const suffix = nonNegative(suffixes.read());
    if (prefix > length || at + suffix > bytes.length) throw pastTheEnd();
    length = prefix + suffix;
    if (length > buffer.length) {
      const grown = Buffer.alloc(length * 2);
      buffer.copy(grown, 0, 0, prefix);
      buffer = grown;
    }
    bytes.copy(buffer, prefix, at, at + suffix);
    at += suffix;
  }
  return {
    read() {
      advance();
      return buffer.toString('utf8', 0, length);
    },
    skip(count) {
      for (let index = 0; index < count; index++) advance();
    },
  };
}

function nonNegative(length: number): number {
  if (length < 0) throw new ParquetError('CORRUPT', `a string of ${length} bytes`);
  return length;
}

function pastTheEnd(): ParquetError {
  return new ParquetError('CORRUPT', 'the values of a page end before its last row');
}
