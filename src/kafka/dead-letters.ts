import type { StructType } from '../delta/schema.ts';
import type { CellValue } from '../parquet/write/cell.ts';
import type { PayloadErrorCode } from './decode/payload-error.ts';
import type { KafkaRecord } from './record.ts';
import { metadataColumns } from './rows/metadata-columns.ts';

/** Behind the root of a table, for the table of its dead letters. */
export const DEAD_LETTERS = '__dead_letters';

/** Why a record is not in its table. */
export interface RecordProblem {
  readonly code:
    | PayloadErrorCode
    /** The rule says `string` and the bytes are none. */
    | 'INVALID_UTF8'
    /** The table has this offset already, of a topic that was made anew. */
    | 'OFFSET_REUSED'
    /** The table does not take the columns of the batch. */
    | 'TABLE_REFUSED';
  readonly message: string;
}

/** A record that its table cannot take, and why. */
export interface DeadLetter {
  readonly record: KafkaRecord;
  readonly problem: RecordProblem;
}

const COLUMNS = metadataColumns({
  key: 'binary',
  value: 'binary',
  headers: 'list',
  metadataPrefix: '',
  tombstones: 'keep',
  format: { type: 'raw' },
});

/** Columns of a table of dead letters: the record as it came, and why it is in no other table. */
export const DEAD_LETTER_SCHEMA: StructType = {
  type: 'struct',
  fields: [
    ...COLUMNS.fields,
    { name: 'error_code', type: 'string', nullable: true, metadata: {} },
    { name: 'error', type: 'string', nullable: true, metadata: {} },
  ],
};

/** The row of a dead letter. `ingested` in ms since the epoch. */
export function deadLetterRow({ record, problem }: DeadLetter, ingested: number): CellValue[] {
  const cells: CellValue[] = [];
  COLUMNS.fill(cells, { record, ingested, line: 0, deleted: false });
  cells.push(problem.code, problem.message.toWellFormed());
  return cells;
}
