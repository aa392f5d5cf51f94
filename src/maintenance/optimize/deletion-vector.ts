import { crc32 } from 'node:zlib';
import type { DeletionVector } from '../../delta/actions.ts';
import { canonicalPath } from '../../delta/path.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { isStoreError } from '../../storage/object-store.ts';
import { DeletionVectorError } from './deletion-vector-error.ts';
import { readRoaringArray } from './roaring.ts';
import { decodeZ85 } from './z85.ts';

/** Rows of a file that are deleted: a bit a row, least significant first. */
export interface DeletedRows {
  readonly bits: Uint8Array;
  readonly count: number;
}

/**
 * Reads a deletion vector of a file of `rowCount` rows (PROTOCOL.md "Deletion Vectors" and "Deletion Vector Format").
 * Throws `DeletionVectorError`, also when it is not there; other store errors as they come.
 */
export async function readDeletionVector(table: TableRef, dv: DeletionVector, rowCount: number): Promise<DeletedRows> {
  const data = dv.storageType === 'i' ? inlineData(dv) : await storedData(table, dv);
  const bits = new Uint8Array(Math.ceil(rowCount / 8));
  let count = 0;
  readRoaringArray(data, (row) => {
    if (row >= rowCount || count === dv.cardinality)
      throw new DeletionVectorError(
        `its deletion vector has more rows than ${dv.cardinality}, or row ${row} of ${rowCount}`,
      );
    bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
    count++;
  });
  if (count !== dv.cardinality) {
    throw new DeletionVectorError(`its deletion vector has ${count} rows, the log says ${dv.cardinality}`);
  }
  return { bits, count };
}

function inlineData({ pathOrInlineDv, sizeInBytes }: DeletionVector): Buffer {
  const data = decodeZ85(pathOrInlineDv);
  if (data === undefined || data.length < sizeInBytes) {
    throw new DeletionVectorError(`its deletion vector is no Base85 text of ${sizeInBytes} bytes`);
  }
  return data.subarray(0, sizeInBytes);
}

/** Bytes before and behind the data in a file: their size, and their CRC-32, both big-endian. */
const SIZE_BYTES = 4;
const CHECKSUM_BYTES = 4;

async function storedData(table: TableRef, dv: DeletionVector): Promise<Buffer> {
  const { sizeInBytes, offset = 1 } = dv;
  const key = keyOf(table, dv);
  const range = { start: offset, end: offset + SIZE_BYTES + sizeInBytes + CHECKSUM_BYTES };
  const body = await getRange(table, key, range);
  if (body.length !== range.end - range.start) throw new DeletionVectorError(`its deletion vector "${key}" is cut off`);
  const size = body.readInt32BE(0);
  if (size !== sizeInBytes) {
    throw new DeletionVectorError(`its deletion vector "${key}" has ${size} bytes, the log says ${sizeInBytes}`);
  }
  const data = body.subarray(SIZE_BYTES, SIZE_BYTES + sizeInBytes);
  if (crc32(data) !== body.readUInt32BE(SIZE_BYTES + sizeInBytes)) {
    throw new DeletionVectorError(`its deletion vector "${key}" has another checksum than its bytes`);
  }
  return data;
}

async function getRange(
  { store }: TableRef,
  key: string,
  range: { readonly start: number; readonly end: number },
): Promise<Buffer> {
  try {
    const { body } = await store.get(key, { range });
    return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  } catch (error) {
    if (!isStoreError(error, 'NOT_FOUND') && !isStoreError(error, 'INVALID_RANGE')) throw error;
    throw new DeletionVectorError(`its deletion vector "${key}" is not there`, { cause: error });
  }
}

/** Characters of a UUID in Base85. */
const UUID_LENGTH = 20;

function keyOf(table: TableRef, { storageType, pathOrInlineDv }: DeletionVector): string {
  if (storageType === 'p') {
    const path = canonicalPath(table, pathOrInlineDv);
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) {
      throw new DeletionVectorError(`its deletion vector "${path}" is not under the table's root`);
    }
    return tableKey(table, path);
  }
  const uuid = decodeZ85(pathOrInlineDv.slice(-UUID_LENGTH));
  if (storageType !== 'u' || uuid?.length !== 16) {
    throw new DeletionVectorError(`its deletion vector is stored as "${storageType}", which is not known`);
  }
  const name = `deletion_vector_${uuid.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')}.bin`;
  const prefix = pathOrInlineDv.slice(0, -UUID_LENGTH);
  return tableKey(table, prefix === '' ? name : `${prefix}/${name}`);
}
