/** What happened to a row, as it stands in `_change_type` (PROTOCOL.md "Change Data Files"). */
export const CHANGE_TYPES = ['insert', 'update_preimage', 'update_postimage', 'delete'] as const;
export type ChangeType = (typeof CHANGE_TYPES)[number];

/** Position of a change type in `CHANGE_TYPES`: how rows have it in memory. */
export type ChangeCode = 0 | 1 | 2 | 3;

export const CODES = { insert: 0, update_preimage: 1, update_postimage: 2, delete: 3 } as const satisfies Readonly<
  Record<ChangeType, ChangeCode>
>;

/** Number of rows by change type. */
export type ChangeCounts = Readonly<Record<ChangeType, number>>;

export const NO_CHANGES: ChangeCounts = { insert: 0, update_preimage: 0, update_postimage: 0, delete: 0 };

export function addCounts(a: ChangeCounts, b: ChangeCounts): ChangeCounts {
  return {
    insert: a.insert + b.insert,
    update_preimage: a.update_preimage + b.update_preimage,
    update_postimage: a.update_postimage + b.update_postimage,
    delete: a.delete + b.delete,
  };
}

export function totalOf(counts: ChangeCounts): number {
  return CHANGE_TYPES.reduce((sum, type) => sum + counts[type], 0);
}
