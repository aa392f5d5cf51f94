/**
 * Names of relations, statements and columns beside the user's, which begin so that no column of a table is likely to be
 * called like it.
 */
export const NAMES = {
  /** The rows of a batch of the source's changes, with their change type. */
  changes: '_resaca_changes',
  /** The transform's result of the rows that came, and of those that went, with `COLUMNS.segment`. */
  came: '_resaca_came',
  went: '_resaca_went',
  /** The same without rows that went and came again. */
  netCame: '_resaca_net_came',
  netWent: '_resaca_net_went',
  /** Partial results of an aggregate. */
  plus: '_resaca_plus',
  minus: '_resaca_minus',
  /** All rows of the source, at the batch's last version. */
  full: '_resaca_full',
  fresh: '_resaca_fresh',
  /** The newest records that do not come too late. */
  timely: '_resaca_timely',
  records: '_resaca_records',
  newest: '_resaca_newest',
  keys: '_resaca_keys',
  ranges: '_resaca_ranges',
} as const;

export const COLUMNS = {
  /** Number of the target's file that a row is in. */
  file: '_resaca_file',
  /** Of a record: 1 where it deletes its key's row, 0 where it is the row. */
  deletes: '_resaca_deletes',
  segment: '_resaca_segment',
  /** 1 for a row that came, 0 for one that went. */
  plus: '_resaca_is_plus',
  rank: '_resaca_rank',
  /** Of a record: rows of the target that have its key. */
  rows: '_resaca_rows',
  late: '_resaca_late',
  same: '_resaca_same',
  /** Of a key: 1 where its row has to be computed from all of the source. */
  anew: '_resaca_anew',
} as const;

/** A column of the transform that `deleteWhen` may use and the target does not get. */
export const DELETED_COLUMN = '_deleted';

/** The name of a statement of one of several tries. */
export function ofTry(name: string, attempt: number): string {
  return `_resaca_${name}_${attempt}`;
}
