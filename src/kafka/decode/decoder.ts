import type { StructType } from '../../delta/schema.ts';
import type { CellValue } from '../../parquet/write/cell.ts';
import type { DatumObject } from './datum.ts';

/** What a payload says. */
export type Decoded =
  /** Without types, or with those that a JSON Schema gives: fields that it does not name may come too. */
  | { readonly kind: 'json'; readonly rows: readonly DatumObject[]; readonly schema?: StructType }
  /** Values of exactly this schema, as cells. The same schema object for the same schema, so that it can be compared. */
  | { readonly kind: 'typed'; readonly rows: readonly TypedRow[]; readonly schema: StructType };

export type TypedRow = { readonly [field: string]: CellValue };

/** Turns payloads of one format into values. */
export interface PayloadDecoder {
  /**
   * Gets what it takes to decode these payloads, such as schemas of a registry. Throws when that cannot be had now, and
   * the batch has to come again; what is wrong with one payload is left to `decode`.
   */
  prepare(payloads: Iterable<Uint8Array>): Promise<void>;
  /** One row, or several for formats that have them. Throws PayloadError. */
  decode(payload: Uint8Array): Decoded;
}
