/** What a consumer says of itself. */
export interface ConsumerStatus {
  /** Why it is not healthy; undefined when it is. */
  readonly problem: string | undefined;
  readonly partitions: readonly PartitionStatus[];
  readonly bufferedRecords: number;
  readonly bufferedBytes: number;
}

export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  /** Offsets that are not in the table yet; undefined before the first read. */
  readonly lag: number | undefined;
  /** The offset to read on from; undefined before the table was asked. */
  readonly position: number | undefined;
  /** Behind the last record that may be read: open transactions end before it. Undefined before the table was asked. */
  readonly readableEnd: number | undefined;
}

/** Times in ms since the epoch; undefined for never, or for nothing. */
export interface Signs {
  readonly now: number;
  readonly started: number;
  /** The last round of reading that went well, or had nothing to ask for. */
  readonly lastPoll: number | undefined;
  /** When the group last knew of this member. */
  readonly lastSeen: number | undefined;
  /** When the oldest record in memory was read. */
  readonly oldest: number | undefined;
  readonly isStopping: boolean;
}

/** How long nothing may be read because of failures, ms. */
const POLL_LIMIT = 60_000;
/** How much longer than its latency a record may wait to be written, ms: a large batch takes its time. */
const FLUSH_LIMIT = 120_000;

/** Why a consumer is not healthy; undefined when it is. `latency` and `sessionTimeout` in ms. */
export function healthProblem(
  { now, started, lastPoll, lastSeen, oldest, isStopping }: Signs,
  { latency, sessionTimeout }: { readonly latency: number; readonly sessionTimeout: number },
): string | undefined {
  if (isStopping) return 'it is stopping';
  const seconds = (since: number) => Math.round((now - since) / 1000);
  if (oldest !== undefined && now - oldest > latency + FLUSH_LIMIT) {
    return `records wait to be written for ${seconds(oldest)} s`;
  }
  const poll = lastPoll ?? started;
  if (now - poll > POLL_LIMIT) return `nothing could be read for ${seconds(poll)} s`;
  // A member that was not seen for two sessions has no partitions any more.
  const seen = lastSeen ?? started;
  if (now - seen > 2 * sessionTimeout) return `the group has not seen this member for ${seconds(seen)} s`;
  return undefined;
}
