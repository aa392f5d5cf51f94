import type { DataType, PrimitiveType } from '../delta/schema.ts';
import type { CommitProtocolInput, DynamoDbCommits, SchemaPolicy } from '../ingest/config.ts';

/** How the bytes of a key or a value are kept; `omit` for not at all. */
export type ByteFormat = 'binary' | 'string' | 'omit';

/** What the values of a topic hold. */
export type PayloadFormat =
  /** Anything: nothing is decoded. */
  | { readonly type: 'raw' }
  /** A JSON object. */
  | { readonly type: 'json' }
  /** A JSON object in each line, each of which is a row. */
  | { readonly type: 'json-lines' }
  /** Avro's binary encoding of one schema, without a header. */
  | { readonly type: 'avro'; readonly schema: string }
  /** Avro's single-object encoding, of one of these schemas. */
  | { readonly type: 'avro-single-object'; readonly schemas: readonly string[] }
  /** A message of a `.proto` file, without a header. */
  | { readonly type: 'protobuf'; readonly proto: string; readonly message: string }
  /** The wire format of Confluent's registry: Avro, JSON Schema or Protobuf. */
  | { readonly type: 'confluent' }
  /** The wire format of AWS Glue's registry: Avro, JSON Schema or Protobuf. */
  | { readonly type: 'glue' };

export type Compression = 'none' | 'gzip' | 'zstd' | 'auto';

export interface PartitionRule {
  readonly name: string;
  /** @default 'string' */
  readonly type: PrimitiveType;
  /** JMESPath on the row. @default the date (UTC) on which the record is written */
  readonly expression?: string;
}

/** Which topics go into which table, and how. */
export interface TopicRule {
  /** Topic, or a pattern in which `*` stands for any characters. */
  readonly topic: string;
  /**
   * Root of the table in the bucket. `{topic}` stands for the topic, `{header:name}` for a header and any other
   * `{expression}` for the value that JMESPath finds in the row. @default 'bronze/{topic}'
   */
  readonly table: string;
  /** @default 'binary' */
  readonly key: ByteFormat;
  /** @default 'binary'; 'omit' where a format is given */
  readonly value: ByteFormat;
  /** Headers as a list, which keeps order and repeats, or as a map, of which the last of a name wins. @default 'list' */
  readonly headers: 'list' | 'map' | 'omit';
  /** Put before the names of the columns that come from Kafka. @default '' */
  readonly metadataPrefix: string;
  /** @default raw */
  readonly format: PayloadFormat;
  /** @default 'none' */
  readonly compression: Compression;
  /** Largest value that is decoded, unpacked, bytes. @default 8 MiB */
  readonly maxPayloadBytes: number;
  /** Types of columns, by name, as Spark SQL writes them; others are found out. @default {} */
  readonly columns: Readonly<Record<string, DataType>>;
  /** Most columns that a table gets by itself. @default 1000 */
  readonly maxColumns: number;
  /** What a number means that becomes a timestamp. @default 'ms' */
  readonly timestampUnit: 's' | 'ms' | 'us' | 'ns';
  /** Change events of Debezium are unwrapped. @default 'none' */
  readonly envelope: 'none' | 'debezium';
  /** Columns that are set by JMESPath, in order. @default {} */
  readonly transforms: Readonly<Record<string, string>>;
  /** JMESPath: rows for which it is not true are left out. @default none */
  readonly filter?: string;
  /** Records without a value: a row without data, a row with `deleted` true, or none. @default 'keep' */
  readonly tombstones: 'keep' | 'marker' | 'drop';
  /** Partition columns of a new table. @default one, `ingest_date` */
  readonly partitionBy: readonly PartitionRule[];
  /**
   * `<app_id>` of kafka-delta-ingest, whose offsets are taken over where this application has none yet.
   * @default none
   */
  readonly continueFrom?: string;
  /**
   * Counts how often the topic was made anew: offsets of another generation are not compared with.
   * @default 0
   */
  readonly generation: number;
  /** How the table takes columns that it does not have. @default 'evolve' */
  readonly schemaPolicy: SchemaPolicy;
  /** Properties of a new table. @default {} */
  readonly properties: Readonly<Record<string, string>>;
  /**
   * How versions are claimed among the writers of the tables, dead letters included; all of them must do it alike.
   * @default that of the configuration
   */
  readonly commitProtocol?: DynamoDbCommits;
}

/** A rule as a user writes it: what is left out has its default. */
export interface TopicRuleInput
  extends Partial<Omit<TopicRule, 'topic' | 'format' | 'columns' | 'partitionBy' | 'commitProtocol'>>,
    Pick<TopicRule, 'topic'> {
  readonly commitProtocol?: CommitProtocolInput;
  readonly format?: PayloadFormat | 'raw' | 'json' | 'json-lines' | 'confluent' | 'glue';
  readonly columns?: Readonly<Record<string, string>>;
  readonly partitionBy?: readonly { readonly name: string; readonly type?: string; readonly expression?: string }[];
}
