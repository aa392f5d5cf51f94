/** A record of a Kafka topic. */
export interface KafkaRecord {
  readonly topic: string;
  readonly partition: number;
  /** From 0 to 2^53 - 1. */
  readonly offset: number;
  /** ms since the epoch; undefined where the record has none. */
  readonly timestamp: number | undefined;
  readonly timestampType: TimestampType;
  readonly key: Uint8Array | undefined;
  /** Undefined for a tombstone. */
  readonly value: Uint8Array | undefined;
  readonly headers: readonly KafkaHeader[];
}

/** Who set the timestamp of a record: the producer, or the broker (Kafka, `TimestampType`). */
export type TimestampType = 'CREATE_TIME' | 'LOG_APPEND_TIME' | 'NO_TIMESTAMP_TYPE';

export type KafkaHeader = {
  readonly key: string;
  readonly value: Uint8Array | undefined;
};
