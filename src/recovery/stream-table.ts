import type { Snapshot } from '../delta/snapshot.ts';
import { ADOPTED_APP_ID } from '../ingest/adopt.ts';

/**
 * The application of a stream that writes the table, by its `txn` actions: Kafka's consumers, Spark Structured Streaming.
 * What such a writer left when it crashed is written anew under other names by its next try: to take it would double rows.
 */
export function streamOf({ txns }: Pick<Snapshot, 'txns'>): string | undefined {
  return [...txns.keys()].find((appId) => appId !== ADOPTED_APP_ID);
}

/** A table whose files come from a stream, in whose folder a file that no commit has is rubbish. */
export class StreamTableError extends Error {
  override readonly name = 'StreamTableError';
  readonly code = 'STREAM_TABLE';

  constructor(table: string, appId: string) {
    super(
      `${table} has its files from a stream (txn "${appId}"): one that no commit has was left by a try that failed, and ` +
        'its rows are in the table by the next one',
    );
  }
}
