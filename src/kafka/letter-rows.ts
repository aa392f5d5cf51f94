import { RowWriter } from '../parquet/write/row-writer.ts';
import { DEAD_LETTER_SCHEMA, type DeadLetter, deadLetterRow } from './dead-letters.ts';
import { DATE_PARTITION, type TableRows } from './table-writer.ts';

/** A dead letter and when it became one, ms since the epoch. */
export interface DatedLetter extends DeadLetter {
  readonly ingested: number;
}

/** The rows of dead letters, in the partition of the day of `now`, ms since the epoch. */
export function letterRows(letters: Iterable<DatedLetter>, now: number): TableRows {
  const rows = new RowWriter(DEAD_LETTER_SCHEMA);
  for (const letter of letters) rows.append(deadLetterRow(letter, letter.ingested));
  const folder = `${DATE_PARTITION.name}=${new Date(now).toISOString().slice(0, 10)}`;
  return {
    target: {
      schema: DEAD_LETTER_SCHEMA,
      schemaPolicy: 'evolve',
      properties: {},
      partitionColumns: [DATE_PARTITION],
    },
    files: new Map([[folder, rows]]),
  };
}
