import type { StructType } from '../../delta/schema.ts';
import type { KafkaRecord } from '../record.ts';
import type { DatumObject } from './datum.ts';
import type { TypedRow } from './decoder.ts';

/** The rows that a record gives: none if it is filtered out. */
export type DecodedRecord =
  /** Only the columns of Kafka: values that are not decoded, and tombstones. */
  | { readonly kind: 'bare'; readonly rows: readonly undefined[]; readonly deleted: boolean }
  | { readonly kind: 'json'; readonly rows: readonly DatumObject[]; readonly schema?: StructType }
  | { readonly kind: 'typed'; readonly rows: readonly TypedRow[]; readonly schema: StructType };

/** A record on its way to a table, decoded already where that told which table it is for. */
export interface RoutedRecord extends KafkaRecord {
  readonly decoded?: DecodedRecord;
}
