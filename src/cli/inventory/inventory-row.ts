import { UsageError } from '../args.ts';

/** A line, or a row, of an inventory. */
export interface InventoryRow {
  /** File and line, for messages. */
  readonly where: string;
  /** Undefined where the inventory does not have it. */
  readonly bucket: string | undefined;
  /** Decoded. */
  readonly key: string;
  /** Bytes; what is no object may have none, as NaN. */
  readonly size: number;
  /** ms since the epoch. */
  readonly modified: number;
  readonly etag: string | undefined;
  /** Of an inventory of all versions: an older version, or a delete marker. */
  readonly isNoObject: boolean;
}

/** A data file of an inventory, with what its manifest says of it. */
export interface InventoryFile {
  readonly path: string;
  /** Bytes. */
  readonly size?: number;
  /** Of the whole file, in hex. */
  readonly md5?: string;
}

/** Throws UsageError for an object whose size or time, of which `got` is the text, makes no sense. */
export function assertObject(
  { where, size, modified, isNoObject }: InventoryRow,
  got: { readonly size: unknown; readonly time: unknown },
): void {
  if (isNoObject || (Number.isSafeInteger(size) && size >= 0 && !Number.isNaN(modified))) return;
  throw new UsageError(`${where} has the size "${got.size ?? ''}" and the time "${got.time ?? ''}"`);
}
