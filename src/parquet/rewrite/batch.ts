import type { ColumnSlice } from '../write/column.ts';

/** Rows of a file as columns: one for each field of the schema that they were read as. */
export interface RowBatch {
  readonly rowCount: number;
  readonly columns: readonly ColumnSlice[];
}

/** Bytes that a column's buffers take, about: what a slice shares with others counts for each. */
export function sliceBytes({ validity, values }: ColumnSlice): number {
  const bits = validity?.byteLength ?? 0;
  switch (values.kind) {
    case 'fixed':
      return bits + values.data.byteLength;
    case 'bytes':
      return bits + values.offsets.byteLength + (values.offsets.at(-1) ?? 0) - (values.offsets[0] ?? 0);
    case 'struct':
      return values.fields.reduce((sum, field) => sum + sliceBytes(field), bits);
    case 'list':
      return values.items.reduce((sum, item) => sum + sliceBytes(item), bits + values.offsets.byteLength);
  }
}

export function batchBytes({ columns }: RowBatch): number {
  return columns.reduce((sum, column) => sum + sliceBytes(column), 0);
}
