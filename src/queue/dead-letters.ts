import type { DataType, StructType } from '../delta/schema.ts';
import type { RecordProblem } from '../kafka/dead-letters.ts';
import { DATE_PARTITION, type TableRows } from '../kafka/table-writer.ts';
import { RowWriter } from '../parquet/write/row-writer.ts';
import type { QueueMessage } from './message.ts';

/** A message that its table cannot take, and why. */
export interface DeadMessage {
  readonly message: QueueMessage;
  readonly problem: RecordProblem;
}

const ATTRIBUTES: DataType = { type: 'map', keyType: 'string', valueType: 'string', valueContainsNull: true };

/** Columns of a table of dead letters of a queue: the message as it came, and why it is in no other table. */
export const DEAD_MESSAGE_SCHEMA: StructType = {
  type: 'struct',
  fields: (
    [
      ['message_id', 'string'],
      ['queue', 'string'],
      ['body', 'string'],
      ['attributes', ATTRIBUTES],
      ['sent_at', 'timestamp'],
      ['ingested_at', 'timestamp'],
      ['error_code', 'string'],
      ['error', 'string'],
      ['group_id', 'string'],
    ] as const satisfies readonly (readonly [string, DataType])[]
  ).map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
};

/** The rows of dead letters, in the partition of the day of `now`, ms since the epoch. Binary attributes are base64. */
export function deadMessageRows(letters: readonly DeadMessage[], queue: string, now: number): TableRows {
  const rows = new RowWriter(DEAD_MESSAGE_SCHEMA);
  for (const { message, problem } of letters) {
    const { id, body, attributes, sent, groupId } = message;
    const texts = Object.entries(attributes).map(([name, { StringValue, BinaryValue }]) => {
      return [name, StringValue ?? (BinaryValue && Buffer.from(BinaryValue).toString('base64'))] as const;
    });
    rows.append([
      id,
      queue,
      body.toWellFormed(),
      new Map(texts),
      sent * 1_000,
      now * 1_000,
      problem.code,
      problem.message.toWellFormed(),
      groupId,
    ]);
  }
  return {
    target: {
      schema: DEAD_MESSAGE_SCHEMA,
      schemaPolicy: 'evolve',
      properties: {},
      partitionColumns: [DATE_PARTITION],
    },
    files: new Map([[`${DATE_PARTITION.name}=${new Date(now).toISOString().slice(0, 10)}`, rows]]),
  };
}
