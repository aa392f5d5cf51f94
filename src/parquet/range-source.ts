import type { ByteRange } from '../storage/byte-range.ts';
import { type ObjectStore, StoreError } from '../storage/object-store.ts';

/** Bytes of one object, which stays the same one through all reads. */
export interface RangeSource {
  /** Whether a range is in memory, so that reading it causes no request. */
  holds(range: ByteRange): boolean;
  /** The bytes of a range that lies in the object, exactly. */
  read(range: ByteRange): Promise<Buffer>;
}

/** A part of an object that is in memory already. */
export interface Piece {
  readonly start: number;
  readonly bytes: Buffer;
}

/**
 * The object under `key`, read by ranged GETs. Throws the store's errors, `PRECONDITION_FAILED` as soon as the object is
 * no longer the one with this etag.
 */
export function objectSource(store: ObjectStore, key: string, etag: string): RangeSource {
  return {
    holds: () => false,
    async read({ start, end }) {
      const { body } = await store.get(key, { range: { start, end }, ifMatch: etag });
      if (body.byteLength !== end - start) {
        const detail = `${body.byteLength} bytes came for the range [${start}, ${end})`;
        throw new StoreError('UNAVAILABLE', 'get', key, detail);
      }
      return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    },
  };
}

/** The same object, with pieces of it in memory. */
export function withPieces(source: RangeSource, pieces: readonly Piece[]): RangeSource {
  const holderOf = ({ start, end }: ByteRange) => pieces.find((piece) => piece.start <= start && end <= endOf(piece));
  return {
    holds: (range) => holderOf(range) !== undefined || source.holds(range),
    async read(range) {
      const piece = holderOf(range);
      if (piece === undefined) return source.read(range);
      return piece.bytes.subarray(range.start - piece.start, range.end - piece.start);
    },
  };
}

/**
 * Largest gap between two ranges that are still read as one, in bytes: about as many as Amazon S3 sends in a tenth of
 * the time that it takes to begin to answer (AWS, "Best practices design patterns: optimizing Amazon S3 performance").
 */
const MAX_GAP = 128 * 1024;

/** Requests under way at once. */
const CONCURRENCY = 8;

/** Reads the ranges that are not in memory yet, with as few requests as their gaps allow, several at once. */
export async function readPieces(
  source: RangeSource,
  ranges: readonly ByteRange[],
  maxGap = MAX_GAP,
): Promise<Piece[]> {
  const missing = ranges.filter((range) => !source.holds(range));
  const merged = mergeRanges(missing, maxGap);
  const pieces: Piece[] = [];
  let next = 0;
  async function work(): Promise<void> {
    for (let range = merged[next++]; range !== undefined; range = merged[next++]) {
      pieces.push({ start: range.start, bytes: await source.read(range) });
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, merged.length) }, work));
  return pieces;
}

/** Joins ranges that overlap or are at most `maxGap` bytes apart. */
export function mergeRanges(ranges: readonly ByteRange[], maxGap: number): ByteRange[] {
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end + maxGap) {
      last.end = Math.max(last.end, end);
    } else {
      merged.push({ start, end });
    }
  }
  return merged;
}

/**
 * Reads a range from front to back in blocks, and fetches one block ahead while the last one is worked on. Holds two
 * blocks, or as many as the length needs that is asked for at once.
 */
export class BlockReader {
  /** Position in the object of the next byte. */
  position: number;
  readonly end: number;
  readonly #source: RangeSource;
  readonly #blockBytes: number;
  /** Blocks from the position on, without a gap. */
  #blocks: Piece[] = [];
  #ahead: { readonly range: ByteRange; readonly bytes: Promise<Buffer> } | undefined;

  constructor(source: RangeSource, { start, end }: ByteRange, blockBytes: number) {
    this.#source = source;
    this.position = start;
    this.end = end;
    this.#blockBytes = blockBytes;
  }

  /** The next `length` bytes, or what is left of the range, without passing over them. */
  async peek(length: number): Promise<Buffer> {
    const end = Math.min(this.position + length, this.end);
    this.#blocks = this.#blocks.filter((block) => endOf(block) > this.position);
    for (;;) {
      const last = this.#blocks.at(-1);
      const next = last === undefined ? this.position : endOf(last);
      if (next >= end) break;
      this.#blocks.push(
        await this.#fetch({ start: next, end: Math.min(Math.max(end, next + this.#blockBytes), this.end) }),
      );
    }
    const parts = this.#blocks
      .filter(({ start }) => start < end)
      .map(({ start, bytes }) => bytes.subarray(Math.max(0, this.position - start), end - start));
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** Passes over `length` bytes, which need not have been read. */
  skip(length: number): void {
    this.position = Math.min(this.position + length, this.end);
  }

  /** The block at the start of the range, which may be a shorter one if that was fetched ahead. */
  async #fetch(range: ByteRange): Promise<Piece> {
    const ahead = this.#ahead;
    const isAhead = ahead !== undefined && ahead.range.start <= range.start && range.start < ahead.range.end;
    const block = isAhead ? ahead : { range, bytes: this.#source.read(range) };
    this.#ahead = undefined;
    const bytes = await block.bytes;
    this.#fetchAhead(block.range.end);
    return { start: block.range.start, bytes };
  }

  #fetchAhead(start: number): void {
    if (start >= this.end) return;
    const range = { start, end: Math.min(start + this.#blockBytes, this.end) };
    const bytes = this.#source.read(range);
    // A failure shows when the block is needed; one that is never needed must not end the process.
    bytes.catch(() => undefined);
    this.#ahead = { range, bytes };
  }
}

function endOf({ start, bytes }: Piece): number {
  return start + bytes.length;
}
