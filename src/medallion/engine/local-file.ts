import { type FileHandle, open } from 'node:fs/promises';
import { type Footer, footerLength, parseFooter, TRAILER_BYTES } from '../../parquet/footer.ts';
import { TAIL_BYTES } from '../../parquet/footer-reader.ts';

/** The end of a Parquet file of `size` bytes, with the whole footer. Throws ParquetError where there is none. */
export async function readTail(file: FileHandle, size: number): Promise<Uint8Array> {
  const read = async (length: number) => {
    const tail = Buffer.alloc(Math.min(length, size));
    await file.read(tail, 0, tail.length, size - tail.length);
    return tail;
  };
  const tail = await read(TAIL_BYTES);
  const wanted = footerLength(tail, { fileSize: size }) + TRAILER_BYTES;
  return wanted <= tail.length ? tail : read(wanted);
}

export interface LocalFile {
  /** Bytes. */
  readonly size: number;
  readonly footer: Footer;
}

/** Reads the footer of a file on the disk. Throws ParquetError. */
export async function openLocalFile(path: string): Promise<LocalFile> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    return { size, footer: parseFooter(await readTail(file, size), { fileSize: size }) };
  } finally {
    await file.close();
  }
}

/** Bytes of a piece of a file that is uploaded. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** Streams a file of `size` bytes. */
export async function* readPieces(path: string, size: number): AsyncGenerator<Uint8Array, void> {
  const file = await open(path);
  try {
    for (let start = 0; start < size; ) {
      const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, size - start));
      const { bytesRead } = await file.read(piece, 0, piece.length, start);
      if (bytesRead === 0) throw new RangeError(`"${path}" has ${start} bytes, expected ${size}`);
      yield piece.subarray(0, bytesRead);
      start += bytesRead;
    }
  } finally {
    await file.close();
  }
}
