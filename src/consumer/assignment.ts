import type { Admin, BaseOptions } from '@platformatic/kafka';
import type { LogLevel } from '../ingest/telemetry.ts';
import type { TopicPartitions } from './partitions.ts';

export interface AssignmentOptions {
  readonly client: BaseOptions;
  /** The consumer group. */
  readonly group: string;
  /** ms. */
  readonly sessionTimeout: number;
  /** Which of the cluster's topics are to be read. */
  isWanted(topic: string): boolean;
  onAssigned(assignment: readonly TopicPartitions[]): void;
  log(level: LogLevel, message: string, data?: Readonly<Record<string, unknown>>): void;
}

export interface OffsetOf {
  readonly topic: string;
  readonly partition: number;
  /** The offset behind it, as Kafka counts. */
  readonly offset: number;
}

/** Which partitions a consumer reads, and what is kept of them at the brokers under the name of its group. */
export interface Assignment {
  /** Looks which topics there are, and assigns anew when they or their partitions have changed. Throws the client's errors. */
  refresh(): Promise<void>;
  /** When the partitions were last known to be this consumer's, ms since the epoch. */
  lastSeen(): number | undefined;
  /** Tells tools that look at the group's lag how far the tables are. */
  commit(offsets: readonly OffsetOf[]): Promise<void>;
  /** What the group committed; nothing for partitions of which it did not. */
  committed(topic: string, partition: number): Promise<number | undefined>;
  leave(): Promise<void>;
}

export interface TopicSize {
  readonly topic: string;
  /** How many it has. */
  readonly partitions: number;
}

/** The topics that are wanted, in order of their names. */
export async function topicsOf(admin: Admin, isWanted: (topic: string) => boolean): Promise<readonly TopicSize[]> {
  const topics = (await admin.listTopics()).filter(isWanted).sort();
  if (topics.length === 0) return [];
  const metadata = await admin.metadata({ topics, forceUpdate: true });
  return topics.map((topic) => ({ topic, partitions: metadata.topics.get(topic)?.partitionsCount ?? 0 }));
}

/** A text for each topic, which is another one when the topic has more partitions. */
export function describeTopics(topics: readonly TopicSize[]): readonly string[] {
  return topics.map(({ topic, partitions }) => `${topic} ${partitions}`);
}
