import { startClientProcess } from './kafka/client-process.ts';

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** A record to send; what is left out or null is null in Kafka. Text is sent as UTF-8. */
export interface NewRecord {
  readonly topic: string;
  /** @default by the key, or any */
  readonly partition?: number;
  readonly key?: string | Uint8Array | null;
  readonly value?: string | Uint8Array | null;
  /** In order; a name may come several times. @default [] */
  readonly headers?: readonly (readonly [name: string, value: string | Uint8Array | null])[];
  /** ms since the epoch. @default now */
  readonly timestamp?: number;
}

export interface SendOptions {
  /** @default 'none' */
  readonly compression?: Compression;
  /** Sends the records in a transaction of their own, and how that ends. @default 'none' */
  readonly transaction?: 'none' | 'commit' | 'abort';
}

export interface RecordPlace {
  readonly partition: number;
  readonly offset: number;
}

export interface TrafficOptions {
  readonly topic: string;
  readonly partitions: number;
  /** That are committed; the aborted ones come in addition. */
  readonly records: number;
  /** Decides about keys, sizes and partitions. */
  readonly seed: number;
}

/** What a partition holds that is committed, as the broker acknowledged it. */
export interface CommittedRecords {
  readonly records: number;
  readonly first: number;
  readonly last: number;
  /** Sum of the offsets. */
  readonly offsets: number;
  /** Keys and values that are not null. */
  readonly keys: number;
  readonly values: number;
  readonly headers: number;
  /** Sum of offset x (number of the record modulo 1009) where there is a value; the value begins with its number. */
  readonly checksum: number;
}

export interface Traffic {
  /** By partition. */
  readonly committed: readonly CommittedRecords[];
  /** Records of aborted transactions, which are in the log and must not be delivered. */
  readonly aborted: number;
}

export interface KafkaProducer {
  /** The place of each record, in their order, when the broker has acknowledged all. */
  send(records: readonly NewRecord[], options?: SendOptions): Promise<readonly RecordPlace[]>;
  /**
   * Sends many records of about 150 bytes as fast as it can: with and without keys, values and headers, in all kinds of
   * compression, a sixth of them in transactions beside which others, in the same partitions, are aborted.
   */
  traffic(options: TrafficOptions): Promise<Traffic>;
}

/**
 * Starts Kafka's own producer, in a process that ends with this one. It is idempotent and waits for the broker when it is
 * started again. Throws `UnavailableError` without Java, Maven or Maven Central.
 */
export async function startKafkaProducer(bootstrap: string): Promise<KafkaProducer> {
  const client = await startClientProcess();
  return {
    async send(records, { compression = 'none', transaction = 'none' } = {}) {
      const properties = {
        'bootstrap.servers': bootstrap,
        'compression.type': compression,
        ...(transaction !== 'none' && { 'transactional.id': `resaca-test-${compression}` }),
      };
      const call = { properties, transaction, records: records.map(encode) };
      return (await client.call('send', call)) as readonly RecordPlace[];
    },
    traffic: async (options) => (await client.call('traffic', { bootstrap, ...options })) as Traffic,
  };
}

function encode({ key, value, headers = [], ...rest }: NewRecord): object {
  return {
    ...rest,
    key: base64(key),
    value: base64(value),
    headers: headers.map(([name, header]) => ({ key: name, value: base64(header) })),
  };
}

function base64(data: string | Uint8Array | null | undefined): string | null {
  return data === null || data === undefined ? null : Buffer.from(data).toString('base64');
}
